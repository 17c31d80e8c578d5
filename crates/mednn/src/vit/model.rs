//! The vision transformer.

use crate::layers::LayerNorm;
use burn::module::Module;
use burn::tensor::Tensor;

use super::block::VitBlock;
use super::embeddings::VitEmbeddings;
use super::output::VitOutput;
use crate::error::{Error, Result};

/// A vision transformer; see the [module documentation](super) for the published ones.
///
/// Made by [`VitConfig::init`](super::VitConfig::init) with random weights or by [`Vit::from_pretrained`].
#[derive(Module, Debug)]
pub struct Vit {
    pub(super) embeddings: VitEmbeddings,
    pub(super) blocks: Vec<VitBlock>,
    pub(super) norm: LayerNorm,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) patch_size: usize,
    pub(super) registers: usize,
}

impl Vit {
    /// Encodes normalised images whose sides are multiples of the patch size.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// [`Error::Shape`] on another number of channels, an empty batch, or sides that are not positive multiples of the
    /// patch size.
    pub fn encode(&self, images: Tensor<4>) -> Result<VitOutput> {
        let found = images.dims();
        let [batch, channels, height, width] = found;
        let whole = |side: usize| side > 0 && side.is_multiple_of(self.patch_size);
        if batch == 0 || channels != self.channels || !whole(height) || !whole(width) {
            let expected = format!(
                "[batch > 0, {}, height, width] with sides that are multiples of {}",
                self.channels, self.patch_size
            );
            return Err(Error::Shape { what: "images", expected, found: found.to_vec() });
        }
        Ok(self.forward(images))
    }

    /// Encodes a batch of images without checking it. Pixels beyond the last whole patch are dropped.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Panics
    /// On other shapes, and on images smaller than a patch.
    pub fn forward(&self, images: Tensor<4>) -> VitOutput {
        let (tokens, grid) = self.embed(images);
        let tokens = self.blocks.iter().fold(tokens, |x, block| block.forward(x));
        VitOutput::new(self.norm.forward(tokens), self.registers, grid)
    }

    /// The tokens that enter the first block `[batch, 1 + registers + patches, width]`, and the grid of patches.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn embed(&self, images: Tensor<4>) -> (Tensor<3>, [usize; 2]) {
        self.embeddings.forward(images)
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[VitBlock] {
        &self.blocks
    }

    /// The layer norm after the blocks.
    pub const fn norm(&self) -> &LayerNorm {
        &self.norm
    }

    /// Width of the tokens.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Channels of the images.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Side of a patch in pixels.
    pub const fn patch_size(&self) -> usize {
        self.patch_size
    }
}
