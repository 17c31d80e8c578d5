//! The residual network.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::{Device, Tensor};

use super::block::ResNetStage;
use super::config::ResNetConfig;
use super::output::ResNetOutput;
use crate::error::{Error, Result};
use crate::layers::{ConvNorm, ConvNormConfig};
use crate::ops::{channels_last, max_pool2d};

/// A residual network; see the [module documentation](super) for the published ones and the shapes.
///
/// Made by [`ResNetConfig::init`] with random weights or by [`ResNet::from_pretrained`].
#[derive(Module, Debug)]
pub struct ResNet {
    pub(super) stem: ConvNorm,
    pub(super) pool: MaxPool2d,
    pub(super) stages: Vec<ResNetStage>,
    channels: usize,
    width: usize,
    output_stages: Vec<usize>,
}

impl ResNet {
    pub(super) fn new(config: &ResNetConfig, device: &Device) -> Self {
        let stem = ConvNormConfig::new([config.num_channels, config.embedding_size], 7)
            .with_stride(2)
            .with_epsilon(config.batch_norm_eps)
            .with_frozen(config.frozen_batch_norm)
            .init(device);
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        let inputs = std::iter::once(config.embedding_size).chain(config.hidden_sizes);
        let stages = inputs
            .take(config.hidden_sizes.len())
            .enumerate()
            .map(|(index, input)| ResNetStage::new(config, index, input, device))
            .collect();
        Self {
            stem,
            pool,
            stages,
            channels: config.num_channels,
            width: config.hidden_sizes[3],
            output_stages: config.output_stages.clone(),
        }
    }

    /// Encodes normalised images of any size.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// [`Error::Shape`] on another number of channels, or when a dimension is 0.
    pub fn encode(&self, images: Tensor<4>) -> Result<ResNetOutput> {
        let found = images.dims();
        if found[1] != self.channels || found.contains(&0) {
            let expected = format!("[batch > 0, {}, height > 0, width > 0]", self.channels);
            return Err(Error::Shape { what: "images", expected, found: found.to_vec() });
        }
        Ok(self.forward(images))
    }

    /// Encodes a batch of images without checking it.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, images: Tensor<4>) -> ResNetOutput {
        let mut maps = self.embed(images);
        let mut stages = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            maps = stage.forward(maps);
            if self.output_stages.contains(&(index + 1)) {
                stages.push((index + 1, maps.clone()));
            }
        }
        ResNetOutput::new(stages, maps)
    }

    /// What enters the first stage: `[batch, embedding size, height / 4, width / 4]`, rounded up.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn embed(&self, images: Tensor<4>) -> Tensor<4> {
        // Batch norms of burn's would bring the channels back to the front.
        let images = if self.stem.is_folded() { channels_last(images) } else { images };
        max_pool2d(self.stem.forward_relu(images), &self.pool)
    }

    /// The stages, first to last.
    pub fn stages(&self) -> &[ResNetStage] {
        &self.stages
    }

    /// Folds every batch norm, by its running statistics, into the convolution before it: the same outputs with fewer
    /// passes over the maps.
    ///
    /// For inference only: there is no batch norm left to train or to save.
    #[must_use]
    pub fn fold_batch_norm(self) -> Self {
        Self {
            stem: self.stem.fold(),
            stages: self.stages.into_iter().map(ResNetStage::fold).collect(),
            ..self
        }
    }

    /// Keeps the stem and the first `stages` stages as they are while the others train: no gradients, and batch norms
    /// by their running statistics. DETR trains with the stem and stage 1 frozen.
    #[must_use]
    pub fn freeze_through(self, stages: usize) -> Self {
        let freeze =
            |(index, stage): (usize, ResNetStage)| if index < stages { stage.freeze() } else { stage };
        Self {
            stem: self.stem.freeze(),
            stages: self.stages.into_iter().enumerate().map(freeze).collect(),
            ..self
        }
    }

    /// Channels of the images.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Channels of the last stage.
    pub const fn width(&self) -> usize {
        self.width
    }
}
