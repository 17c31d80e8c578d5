//! The model.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use mednn::bridge::array_to_tensor;
use mednn::layers::resize_bilinear;

use super::adaptation::Adaptation;
use super::adapted_backbone::{AdaptedBackbone, read};
use super::backbone::Backbone;
use super::config::SegmentationConfig;
use super::decoder::Decoder;
use super::detail::{DetailConfig, DetailHead};
use crate::error::Result;
use crate::prompts::{PromptTokens, VisualPrompts};
use crate::superpixel::{SoftSuperpixels, SuperpixelNetwork, slic_regions};

/// A backbone, frozen as a rule, with what adapts it and a decoder.
///
/// Made by [`SegmentationConfig::init`]. Images are colour, from 0 to 1; normalisation is part of the model.
#[derive(Module, Debug)]
pub struct SegmentationModel {
    pub(super) backbone: Backbone,
    pub(super) prompts: Option<VisualPrompts>,
    pub(super) tokens: Option<PromptTokens>,
    pub(super) superpixels: Option<SuperpixelNetwork>,
    pub(super) decoder: Decoder,
    pub(super) detail: Option<DetailHead>,
    #[module(skip)]
    pub(super) config: SegmentationConfig,
}

impl SegmentationModel {
    /// Logits of images.
    ///
    /// # Shapes
    /// - `images`: from 0 to 1, `[batch, 3, height, width]`
    /// - output: `[batch, classes, height, width]`
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) on other shapes, and on sides that the backbone does not take;
    /// [`Error::Superpixels`](crate::Error::Superpixels) when pixels are not finite; [`Error::Network`](crate::Error::Network) when the
    /// device fails.
    pub fn segment(&self, images: Tensor<4>) -> Result<Tensor<4>> {
        self.check(&images)?;
        let guides = self.guides(&images)?;
        Ok(self.forward(images, guides))
    }

    /// The images of hand-crafted features that [`forward`](Self::forward) makes its prompts of; none where there are no visual prompts.
    ///
    /// High frequencies and classical superpixels are computed on the CPU, image by image, and are worth keeping where the same images
    /// come again. Those of a superpixel network carry its gradients.
    ///
    /// # Shapes
    /// - `images`: from 0 to 1, `[batch, 3, height, width]`
    /// - output: the channels of the prompts' input, of the [details'](super::DetailConfig) and, with a
    ///   [readout](crate::superpixel::ReadoutConfig), one with the numbers of its superpixels, as far as the model has them
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    pub fn guides(&self, images: &Tensor<4>) -> Result<Option<Tensor<4>>> {
        self.guides_from(images, self.superpixels(images).as_ref())
    }

    /// The same of the superpixels that the network has made of these images.
    pub(crate) fn guides_from(
        &self,
        images: &Tensor<4>,
        superpixels: Option<&SoftSuperpixels>,
    ) -> Result<Option<Tensor<4>>> {
        let prompts = self.adapted().guides(images, superpixels)?;
        let detail = match &self.config.detail {
            Some(detail) => self.adapted().details(detail, images)?,
            None => None,
        };
        let regions = match &self.config.readout {
            Some(readout) => {
                let regions = slic_regions(read(images.clone())?.view(), &readout.slic)?;
                Some(array_to_tensor(&regions, &images.device()))
            }
            None => None,
        };
        let parts: Vec<Tensor<4>> = [prompts, detail, regions].into_iter().flatten().collect();
        Ok((!parts.is_empty()).then(|| Tensor::cat(parts, 1)))
    }

    /// The superpixels that the model's network makes of images, if it has one. They carry its gradients.
    ///
    /// # Shapes
    /// - `images`: from 0 to 1, `[batch, 3, height, width]`
    pub fn superpixels(&self, images: &Tensor<4>) -> Option<SoftSuperpixels> {
        self.adapted().superpixels(images)
    }

    /// Logits of images, without checking them.
    ///
    /// # Shapes
    /// - `images`: from 0 to 1, `[batch, 3, height, width]`
    /// - `guides`: as [`guides`](Self::guides) makes them
    /// - output: `[batch, classes, height, width]`
    ///
    /// # Panics
    /// On shapes that [`segment`](Self::segment) refuses.
    pub fn forward(&self, images: Tensor<4>, guides: Option<Tensor<4>>) -> Tensor<4> {
        let [_, _, height, width] = images.dims();
        let [prompts, detail, regions] = self.split_guides(guides);
        let maps = self.adapted().forward(images, prompts);
        let size = [height, width];
        let logits = match (&self.detail, detail) {
            (Some(head), Some(detail)) => {
                let features = self.decoder.features(maps);
                let coarse = self.decoder.classify(features.clone());
                resize_bilinear(coarse, size) + head.forward(features, detail)
            }
            _ => resize_bilinear(self.decoder.forward(maps), size),
        };
        match (&self.config.readout, regions) {
            (Some(readout), Some(regions)) => readout.forward(logits, regions),
            _ => logits,
        }
    }

    /// What prompts and details are made of, and the numbers of superpixels.
    fn split_guides(&self, guides: Option<Tensor<4>>) -> [Option<Tensor<4>>; 3] {
        let Some(all) = guides else { return [None, None, None] };
        let detail = self.config.detail.as_ref().map_or(0, DetailConfig::channels);
        let regions = usize::from(self.config.readout.is_some());
        let prompts = all.dims()[1] - detail - regions;
        let part = |start, count| (count > 0).then(|| all.clone().narrow(1, start, count));
        [part(0, prompts), part(prompts, detail), part(prompts + detail, regions)]
    }

    /// Checks images for [`forward`](Self::forward).
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape).
    pub fn check(&self, images: &Tensor<4>) -> Result<()> {
        self.adapted().check(images)
    }

    const fn adapted(&self) -> AdaptedBackbone<'_> {
        AdaptedBackbone {
            backbone: &self.backbone,
            prompts: self.prompts.as_ref(),
            tokens: self.tokens.as_ref(),
            superpixels: self.superpixels.as_ref(),
            adaptation: &self.config.adaptation,
            image_mean: self.config.image_mean,
            image_std: self.config.image_std,
        }
    }

    /// The configuration it was made by.
    pub const fn config(&self) -> &SegmentationConfig {
        &self.config
    }

    /// The backbone.
    pub const fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The visual prompts, if the adaptation has them.
    pub const fn prompts(&self) -> Option<&VisualPrompts> {
        self.prompts.as_ref()
    }

    /// The superpixel network, if prompts are made by one.
    pub const fn superpixel_network(&self) -> Option<&SuperpixelNetwork> {
        self.superpixels.as_ref()
    }

    /// The decoder.
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The same with the attention of its prompts switched off, which makes MVP's prompts EVP's.
    pub fn without_gates(mut self) -> Self {
        self.prompts = self.prompts.map(VisualPrompts::without_gates);
        if let Adaptation::VisualPrompts { prompts, .. } = &mut self.config.adaptation {
            prompts.gated = false;
        }
        self
    }

    /// The head for details, if there is one.
    pub const fn detail(&self) -> Option<&DetailHead> {
        self.detail.as_ref()
    }

    /// How many numbers training changes by gradients.
    pub fn trained_parameters(&self) -> usize {
        trained_parameters(self)
    }
}

/// How many numbers of a module have gradients.
pub(super) fn trained_parameters<M: Module>(module: &M) -> usize {
    let mut count = Count(0);
    module.visit(&mut count);
    count.0
}

struct Count(usize);

impl ModuleVisitor for Count {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.val().is_require_grad() {
            self.0 += param.lazy_shape().num_elements();
        }
    }
}
