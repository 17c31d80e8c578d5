//! The hand-crafted branch.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use mednn::layers::{LayerNorm, LayerNormConfig, map_to_tokens, tokens_to_map};
use mednn::ops::conv2d;

/// Where the patches of one embedding are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchGeometry {
    /// Side of a patch.
    pub kernel: usize,
    /// From one patch to the next.
    pub stride: usize,
    /// Zeros around the map.
    pub padding: usize,
}

/// A strided convolution and a layer norm: the backbone's patch embedding, but narrow and trained.
#[derive(Module, Debug)]
pub struct PromptEmbed {
    projection: Conv2d,
    norm: LayerNorm,
}

impl PromptEmbed {
    fn new(from: usize, to: usize, geometry: PatchGeometry, device: &Device) -> Self {
        let PatchGeometry { kernel, stride, padding } = geometry;
        let weights = Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true };
        let mut projection = Conv2dConfig::new([from, to], [kernel; 2])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_initializer(weights)
            .init(device);
        projection.bias = projection.bias.map(|_| Initializer::Zeros.init([to], device));
        Self { projection, norm: LayerNormConfig::new(to).init(device) }
    }

    /// Tokens `[batch, rows * columns, to]` of a map `[batch, from, height, width]`, and their grid.
    ///
    /// # Panics
    /// On another number of channels.
    pub fn forward(&self, map: Tensor<4>) -> (Tensor<3>, [usize; 2]) {
        let (tokens, grid) = map_to_tokens(conv2d(map, &self.projection, None));
        (self.norm.forward(tokens), grid)
    }
}

/// From an image of hand-crafted features to one prompt per stage, `H_i`.
#[derive(Module, Debug)]
pub struct HandcraftedBranch {
    embeddings: Vec<PromptEmbed>,
}

impl HandcraftedBranch {
    /// Of the widths `c_i` of the stages, with the patches of each; `channels` is that of the image.
    pub(super) fn new(
        channels: usize,
        widths: &[usize],
        geometries: &[PatchGeometry],
        device: &Device,
    ) -> Self {
        let before = std::iter::once(&channels).chain(widths);
        let sizes = before.zip(widths).zip(geometries);
        let embed = |((&from, &to), &geometry)| PromptEmbed::new(from, to, geometry, device);
        Self { embeddings: sizes.map(embed).collect() }
    }

    /// The prompts of all stages.
    ///
    /// # Shapes
    /// - `image`: `[batch, channels, height, width]`
    /// - output: `[batch, tokens_i, c_i]` per stage
    ///
    /// # Panics
    /// On another number of channels.
    pub fn forward(&self, image: Tensor<4>) -> Vec<Tensor<3>> {
        let mut map = image;
        self.embeddings
            .iter()
            .map(|embedding| {
                let (tokens, grid) = embedding.forward(map.clone());
                map = tokens_to_map(tokens.clone(), grid);
                tokens
            })
            .collect()
    }
}
