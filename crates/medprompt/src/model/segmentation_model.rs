//! The model.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use mednn::bridge::{array_to_tensor, tensor_to_array};
use mednn::layers::resize_bilinear;
use ndarray::{Array4, Ix4};

use super::adaptation::{Adaptation, PromptInput};
use super::backbone::{Backbone, Prompted};
use super::config::SegmentationConfig;
use super::decoder::Decoder;
use crate::error::{Result, shape};
use crate::high_pass::high_pass_batch;
use crate::prompts::{PromptTokens, VisualPrompts};
use crate::superpixel::{SuperpixelNetwork, SuperpixelSource, slic_maps, slic_mean_images, slic_regions};

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
        let prompts = self.prompt_images(images)?;
        let Some(readout) = &self.config.readout else { return Ok(prompts) };
        let regions = slic_regions(read(images.clone())?.view(), &readout.slic)?;
        let regions: Tensor<4> = array_to_tensor(&regions, &images.device());
        Ok(Some(match prompts {
            Some(prompts) => Tensor::cat(vec![prompts, regions], 1),
            None => regions,
        }))
    }

    /// What visual prompts are made of.
    fn prompt_images(&self, images: &Tensor<4>) -> Result<Option<Tensor<4>>> {
        let Adaptation::VisualPrompts { input, .. } = &self.config.adaptation else { return Ok(None) };
        let guides = match (input, &self.superpixels) {
            (PromptInput::HighPass { ratio }, _) => {
                // EVP takes the spectrum of the normalised image.
                let normalised = read(self.normalise(images.clone()))?;
                array_to_tensor(&high_pass_batch(normalised.view(), *ratio)?, &images.device())
            }
            (PromptInput::Superpixels(SuperpixelSource::Slic(slic)), _) => {
                let means = slic_mean_images(read(images.clone())?.view(), slic)?;
                self.normalise(array_to_tensor(&means, &images.device()))
            }
            (PromptInput::SuperpixelMaps(slic), _) => {
                array_to_tensor(&slic_maps(read(images.clone())?.view(), slic)?, &images.device())
            }
            (PromptInput::Superpixels(SuperpixelSource::Network(_)), Some(network)) => {
                self.normalise(network.forward(images.clone()).reconstruct(images.clone()))
            }
            (PromptInput::Superpixels(SuperpixelSource::Network(_)), None) => return Ok(None),
        };
        Ok(Some(guides))
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
        let handcrafted = match (&self.prompts, guides) {
            (Some(prompts), Some(guides)) => prompts.handcrafted(guides),
            _ => Vec::new(),
        };
        let prompted = match (&self.prompts, &self.tokens) {
            (Some(prompts), _) if !handcrafted.is_empty() => Prompted::Visual(prompts, &handcrafted),
            (_, Some(tokens)) => Prompted::Tokens(tokens),
            _ => Prompted::Nothing,
        };
        let maps = self.backbone.forward(self.normalise(images), prompted);
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
        let found = images.dims();
        let [batch, channels, height, width] = found;
        let (least, multiple) = (self.backbone.min_side(), self.backbone.side_multiple());
        let fits = |side: usize| side >= least && side.is_multiple_of(multiple);
        if batch > 0 && channels == 3 && fits(height) && fits(width) {
            return Ok(());
        }
        let expected =
            format!("[batch > 0, 3, height, width] with sides of at least {least}, multiples of {multiple}");
        Err(shape("images", expected, &found))
    }

    fn normalise(&self, images: Tensor<4>) -> Tensor<4> {
        let device = images.device();
        let constant = |values: [f64; 3]| {
            let values = values.map(|v| v as f32).to_vec();
            Tensor::<4>::from_data(TensorData::new(values, [1, 3, 1, 1]), &device)
        };
        (images - constant(self.config.image_mean)) / constant(self.config.image_std)
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
        let mut count = Count(0);
        self.visit(&mut count);
        count.0
    }
}

struct Count(usize);

impl ModuleVisitor for Count {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.val().is_require_grad() {
            self.0 += param.lazy_shape().num_elements();
        }
    }
}

/// A batch of images on the CPU.
fn read(images: Tensor<4>) -> Result<Array4<f32>> {
    let found = images.dims();
    let array = tensor_to_array(images.detach())?;
    array.into_dimensionality::<Ix4>().map_err(|_| shape("images", "four axes", &found))
}
