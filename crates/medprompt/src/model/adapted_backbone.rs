//! All of a model but its decoders.

use burn::tensor::{Tensor, TensorData};
use mednn::bridge::{array_to_tensor, tensor_to_array};
use ndarray::{Array4, Ix4};

use super::adaptation::{Adaptation, PromptInput};
use super::backbone::{Backbone, Prompted};
use super::detail::DetailConfig;
use crate::error::{Result, shape};
use crate::high_pass::high_pass_batch;
use crate::prompts::{PromptTokens, VisualPrompts};
use crate::superpixel::{
    SoftSuperpixels, SuperpixelNetwork, SuperpixelPyramid, SuperpixelSource, slic_maps, slic_mean_images,
};

/// A backbone with what adapts it: from images to feature maps.
#[derive(Clone, Copy)]
pub(super) struct AdaptedBackbone<'a> {
    pub(super) backbone: &'a Backbone,
    pub(super) prompts: Option<&'a VisualPrompts>,
    pub(super) tokens: Option<&'a PromptTokens>,
    pub(super) superpixels: Option<&'a SuperpixelNetwork>,
    pub(super) adaptation: &'a Adaptation,
    pub(super) image_mean: [f64; 3],
    pub(super) image_std: [f64; 3],
}

impl AdaptedBackbone<'_> {
    /// See [`SegmentationModel::check`](super::SegmentationModel::check).
    pub(super) fn check(&self, images: &Tensor<4>) -> Result<()> {
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

    /// What visual prompts are made of: see [`SegmentationModel::guides`](super::SegmentationModel::guides).
    pub(super) fn guides(
        &self,
        images: &Tensor<4>,
        superpixels: Option<&SoftSuperpixels>,
    ) -> Result<Option<Tensor<4>>> {
        match self.adaptation {
            Adaptation::VisualPrompts { input, .. } => self.features(input, images, superpixels),
            _ => Ok(None),
        }
    }

    /// The superpixels that the network makes of images, if there is one.
    pub(super) fn superpixels(&self, images: &Tensor<4>) -> Option<SoftSuperpixels> {
        self.superpixels.map(|network| network.forward(images.clone()))
    }

    /// An image of hand-crafted features, `[batch, input.channels(), height, width]`; none where it takes the superpixels of a network and there are
    /// none.
    fn features(
        &self,
        input: &PromptInput,
        images: &Tensor<4>,
        superpixels: Option<&SoftSuperpixels>,
    ) -> Result<Option<Tensor<4>>> {
        let device = images.device();
        Ok(Some(match (input, superpixels) {
            (PromptInput::HighPass { ratio }, _) => {
                // EVP takes the spectrum of the normalised image.
                let normalised = read(self.normalise(images.clone()))?;
                array_to_tensor(&high_pass_batch(normalised.view(), *ratio)?, &device)
            }
            (PromptInput::Superpixels(SuperpixelSource::Slic(slic)), _) => {
                let means = slic_mean_images(read(images.clone())?.view(), slic)?;
                self.normalise(array_to_tensor(&means, &device))
            }
            (PromptInput::SuperpixelMaps(slic), _) => {
                array_to_tensor(&slic_maps(read(images.clone())?.view(), slic)?, &device)
            }
            (PromptInput::SuperpixelPyramid(pyramid) | PromptInput::ImageAndPyramid(pyramid), _) => {
                self.levels(input, pyramid, images)?.0
            }
            (PromptInput::Image, _) => self.normalise(images.clone()),
            (PromptInput::Superpixels(SuperpixelSource::Network(_)), Some(superpixels)) => {
                self.normalise(superpixels.reconstruct(images.clone()))
            }
            (PromptInput::Superpixels(SuperpixelSource::Network(_)), None) => return Ok(None),
        }))
    }

    /// Four feature maps of images `[batch, 3, height, width]` from 0 to 1.
    pub(super) fn forward(&self, images: Tensor<4>, guides: Option<Tensor<4>>) -> [Tensor<4>; 4] {
        let handcrafted = match (self.prompts, guides) {
            (Some(prompts), Some(guides)) => prompts.handcrafted(guides),
            _ => Vec::new(),
        };
        let prompted = match (self.prompts, self.tokens) {
            (Some(prompts), _) if !handcrafted.is_empty() => Prompted::Visual(prompts, &handcrafted),
            (_, Some(tokens)) => Prompted::Tokens(tokens),
            _ => Prompted::Nothing,
        };
        self.backbone.forward(self.normalise(images), prompted)
    }

    /// What a head for details sees: the features of its input and, where it asks for them, the numbers of superpixels of each level.
    pub(super) fn details(&self, detail: &DetailConfig, images: &Tensor<4>) -> Result<Option<Tensor<4>>> {
        let Some(pyramid) = detail.input.pyramid() else {
            // Superpixels of a network are for prompts alone.
            return self.features(&detail.input, images, None);
        };
        let (features, regions) = self.levels(&detail.input, pyramid, images)?;
        Ok(Some(if detail.pooled { Tensor::cat(vec![features, regions], 1) } else { features }))
    }

    /// The features of a pyramid, after the image itself where the input has it, and the numbers of the superpixels of each level.
    fn levels(
        &self,
        input: &PromptInput,
        pyramid: &SuperpixelPyramid,
        images: &Tensor<4>,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let device = images.device();
        let (means, regions) = pyramid.divide(read(images.clone())?.view())?;
        let means = self.normalise(array_to_tensor(&means, &device));
        let features = match input {
            PromptInput::ImageAndPyramid(_) => Tensor::cat(vec![self.normalise(images.clone()), means], 1),
            _ => means,
        };
        Ok((features, array_to_tensor(&regions, &device)))
    }

    /// One or several colour images, `[batch, 3 n, height, width]`.
    fn normalise(&self, images: Tensor<4>) -> Tensor<4> {
        let device = images.device();
        let [batch, channels, height, width] = images.dims();
        let images = images.reshape([batch * channels / 3, 3, height, width]);
        let constant = |values: [f64; 3]| {
            let values = values.map(|v| v as f32).to_vec();
            Tensor::<4>::from_data(TensorData::new(values, [1, 3, 1, 1]), &device)
        };
        let normal = (images - constant(self.image_mean)) / constant(self.image_std);
        normal.reshape([batch, channels, height, width])
    }
}

/// A batch of images on the CPU.
pub(super) fn read(images: Tensor<4>) -> Result<Array4<f32>> {
    let found = images.dims();
    let array = tensor_to_array(images.detach())?;
    array.into_dimensionality::<Ix4>().map_err(|_| shape("images", "four axes", &found))
}
