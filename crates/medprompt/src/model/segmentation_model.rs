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
use crate::error::Result;
use crate::prompts::{PromptTokens, VisualPrompts};
use crate::superpixel::{SuperpixelNetwork, slic_regions};

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
    /// - output: the same, normalised; with a [readout](crate::superpixel::ReadoutConfig), the numbers of its superpixels as one more
    ///   channel, which is the last or the only one
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    pub fn guides(&self, images: &Tensor<4>) -> Result<Option<Tensor<4>>> {
        let prompts = self.adapted().guides(images)?;
        let Some(readout) = &self.config.readout else { return Ok(prompts) };
        let regions = slic_regions(read(images.clone())?.view(), &readout.slic)?;
        let regions: Tensor<4> = array_to_tensor(&regions, &images.device());
        Ok(Some(match prompts {
            Some(prompts) => Tensor::cat(vec![prompts, regions], 1),
            None => regions,
        }))
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
        let (guides, regions) = self.split_guides(guides);
        let maps = self.adapted().forward(images, guides);
        let logits = resize_bilinear(self.decoder.forward(maps), [height, width]);
        match (&self.config.readout, regions) {
            (Some(readout), Some(regions)) => readout.forward(logits, regions),
            _ => logits,
        }
    }

    /// What prompts are made of, and the numbers of superpixels.
    fn split_guides(&self, guides: Option<Tensor<4>>) -> (Option<Tensor<4>>, Option<Tensor<4>>) {
        let (Some(_), Some(all)) = (&self.config.readout, &guides) else { return (guides, None) };
        let prompts = all.dims()[1] - 1;
        let regions = all.clone().narrow(1, prompts, 1);
        ((prompts > 0).then(|| all.clone().narrow(1, 0, prompts)), Some(regions))
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
