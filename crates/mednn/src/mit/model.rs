//! The Mix Transformer.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::block::MitBlock;
use super::config::MitConfig;
use super::embeddings::OverlapPatchEmbed;
use super::initial::layer_norm;
use super::output::MitOutput;
use crate::error::{Error, Result};
use crate::layers::{LayerNorm, tokens_to_map};

/// One stage: patch embedding, blocks, layer norm.
#[derive(Module, Debug)]
pub struct MitStage {
    patch_embed: OverlapPatchEmbed,
    blocks: Vec<MitBlock>,
    norm: LayerNorm,
}

impl MitStage {
    fn new(config: &MitConfig, stage: usize, device: &Device) -> Self {
        let before: usize = config.depths[..stage].iter().sum();
        let block = |j| MitBlock::new(config, stage, config.drop_path_of(before + j), device);
        Self {
            patch_embed: OverlapPatchEmbed::new(config, stage, device),
            blocks: (0..config.depths[stage]).map(block).collect(),
            norm: layer_norm(config.hidden_sizes[stage], device),
        }
    }

    /// # Shapes
    /// - `map`: `[batch, channels, height, width]`, the image or the map of the stage before
    /// - output: `[batch, C_i, H_i, W_i]`
    ///
    /// # Panics
    /// On another number of channels, and on maps that are too small for the spatial reduction.
    pub fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        let (tokens, grid) = self.patch_embed.forward(map);
        let tokens = self.blocks.iter().fold(tokens, |tokens, block| block.forward(tokens, grid));
        tokens_to_map(self.norm.forward(tokens), grid)
    }

    /// From the map of the stage before to tokens.
    pub const fn patch_embed(&self) -> &OverlapPatchEmbed {
        &self.patch_embed
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[MitBlock] {
        &self.blocks
    }

    /// The layer norm after the blocks.
    pub const fn norm(&self) -> &LayerNorm {
        &self.norm
    }
}

/// A Mix Transformer; see the [module documentation](super).
///
/// Made by [`MitConfig::init`] with random weights or by [`Mit::from_pretrained`].
#[derive(Module, Debug)]
pub struct Mit {
    stages: [MitStage; 4],
    widths: [usize; 4],
    channels: usize,
    min_side: usize,
}

impl Mit {
    pub(super) fn new(config: &MitConfig, device: &Device) -> Self {
        Self {
            stages: std::array::from_fn(|stage| MitStage::new(config, stage, device)),
            widths: config.hidden_sizes,
            channels: config.num_channels,
            min_side: config.min_side(),
        }
    }

    /// Encodes normalised images of any size.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// [`Error::Shape`] on another number of channels, an empty batch, or sides below [`min_side`](Self::min_side).
    pub fn encode(&self, images: Tensor<4>) -> Result<MitOutput> {
        self.check(&images)?;
        Ok(self.forward(images))
    }

    pub(crate) fn check(&self, images: &Tensor<4>) -> Result<()> {
        let found = images.dims();
        let [batch, channels, height, width] = found;
        if batch == 0 || channels != self.channels || height.min(width) < self.min_side {
            let expected = format!(
                "[batch > 0, {}, height, width] with sides of at least {}",
                self.channels, self.min_side
            );
            return Err(Error::Shape { what: "images", expected, found: found.to_vec() });
        }
        Ok(())
    }

    /// Encodes a batch of images without checking it.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Panics
    /// On another number of channels, and on sides below [`min_side`](Self::min_side).
    pub fn forward(&self, images: Tensor<4>) -> MitOutput {
        let [first, second, third, fourth] = &self.stages;
        let map0 = first.forward(images);
        let map1 = second.forward(map0.clone());
        let map2 = third.forward(map1.clone());
        let map3 = fourth.forward(map2.clone());
        MitOutput::new([map0, map1, map2, map3])
    }

    /// The stages, finest first.
    pub const fn stages(&self) -> &[MitStage; 4] {
        &self.stages
    }

    /// Width of the tokens of each stage.
    pub const fn widths(&self) -> [usize; 4] {
        self.widths
    }

    /// Channels of the images.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// The shortest side of an image, in pixels, that leaves each stage a grid its spatial reduction can work on; 29 for the
    /// published models.
    pub const fn min_side(&self) -> usize {
        self.min_side
    }
}
