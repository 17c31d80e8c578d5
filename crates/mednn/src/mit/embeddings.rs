//! From pixels, or the map of the stage before, to tokens.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};

use super::config::MitConfig;
use super::initial::{conv, layer_norm};
use crate::layers::{LayerNorm, map_to_tokens};
use crate::ops::{channels_last, conv2d};

/// Overlapping patches: a strided convolution padded by half its kernel, then a layer norm (section 3.1, "Overlapped Patch
/// Merging").
#[derive(Module, Debug)]
pub struct OverlapPatchEmbed {
    projection: Conv2d,
    norm: LayerNorm,
}

impl OverlapPatchEmbed {
    pub(super) fn new(config: &MitConfig, stage: usize, device: &Device) -> Self {
        let from = if stage == 0 { config.num_channels } else { config.hidden_sizes[stage - 1] };
        let to = config.hidden_sizes[stage];
        let side = config.patch_sizes[stage];
        let projection = Conv2dConfig::new([from, to], [side; 2])
            .with_stride([config.strides[stage]; 2])
            .with_padding(PaddingConfig2d::Explicit(side / 2, side / 2, side / 2, side / 2));
        Self { projection: conv(projection, device), norm: layer_norm(to, device) }
    }

    /// Tokens, and their grid `[rows, columns]`.
    ///
    /// # Shapes
    /// - `map`: `[batch, channels, height, width]`, of the image or of the stage before
    /// - output: `[batch, rows * columns, width]`
    ///
    /// # Panics
    /// On another number of channels.
    pub fn forward(&self, map: Tensor<4>) -> (Tensor<3>, [usize; 2]) {
        let (tokens, grid) = map_to_tokens(conv2d(channels_last(map), &self.projection, None));
        (self.norm.forward(tokens), grid)
    }
}
