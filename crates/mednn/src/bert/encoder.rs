//! The BERT encoder.

use burn::module::Module;
use burn::tensor::{Bool, Int, Tensor};

use super::block::BertBlock;
use super::embeddings::BertEmbeddings;
use crate::layers::key_padding_mask;

/// A BERT encoder on embeddings; see the [module documentation](super).
#[derive(Module, Debug)]
pub struct BertEncoder {
    pub(super) embeddings: BertEmbeddings,
    pub(super) blocks: Vec<BertBlock>,
    pub(super) width: usize,
}

impl BertEncoder {
    /// Encodes a batch of sequences of embeddings.
    ///
    /// # Shapes
    /// - `embeddings` and output: `[batch, length, width]`
    /// - `valid`: `[batch, length]`, true where an element is real; rows of padding are computed but mean nothing. Each sequence
    ///   needs at least one real element.
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, embeddings: Tensor<3>, valid: Option<Tensor<2, Bool>>) -> Tensor<3> {
        run_blocks(&self.blocks, self.embeddings.forward(embeddings), valid)
    }

    /// As [`forward`](Self::forward), with the type of each element.
    ///
    /// # Shapes
    /// As [`forward`](Self::forward); `types`: `[batch, length]`
    ///
    /// # Panics
    /// On other shapes, and on types that are not in the table.
    pub fn forward_typed(
        &self,
        embeddings: Tensor<3>,
        types: Tensor<2, Int>,
        valid: Option<Tensor<2, Bool>>,
    ) -> Tensor<3> {
        run_blocks(&self.blocks, self.embeddings.forward_typed(embeddings, types), valid)
    }

    /// Positions, token type and layer norm: what the first block sees.
    pub const fn embeddings(&self) -> &BertEmbeddings {
        &self.embeddings
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[BertBlock] {
        &self.blocks
    }

    /// Width of the tokens.
    pub const fn width(&self) -> usize {
        self.width
    }
}

/// All blocks in order, with one mask for all of them.
pub(crate) fn run_blocks(
    blocks: &[BertBlock],
    tokens: Tensor<3>,
    valid: Option<Tensor<2, Bool>>,
) -> Tensor<3> {
    let heads = blocks.first().map_or(1, BertBlock::heads);
    let mask = valid.map(|valid| key_padding_mask(valid, heads));
    blocks.iter().fold(tokens, |x, block| block.forward(x, mask.clone()))
}
