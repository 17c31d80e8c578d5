//! The ModernBERT model.

use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::block::ModernBertBlock;
use super::local::LocalWindow;
use super::rotary::{Rotary, RotaryTable};
use crate::layers::{LayerNorm, key_padding_mask};
use crate::ops::embedding;

/// A ModernBERT model; see the [module documentation](super).
///
/// Made by [`ModernBertConfig::init`](super::ModernBertConfig::init) with random weights or by
/// [`ModernBert::from_pretrained`].
#[derive(Module, Debug)]
pub struct ModernBert {
    pub(super) words: Embedding,
    pub(super) norm: LayerNorm,
    pub(super) blocks: Vec<ModernBertBlock>,
    pub(super) final_norm: LayerNorm,
    pub(super) global_rotary: RotaryTable,
    pub(super) local_rotary: RotaryTable,
    pub(super) reach: usize,
    pub(super) heads: usize,
    pub(super) width: usize,
    pub(super) max_length: usize,
}

/// Angles and masks of one batch, for all blocks.
#[derive(Debug, Clone)]
pub struct AttentionContext {
    global_rotary: Rotary,
    local_rotary: Rotary,
    mask: Option<Tensor<4, Bool>>,
    window: Option<LocalWindow>,
}

impl AttentionContext {
    pub(super) const fn rotary(&self, local: bool) -> &Rotary {
        if local { &self.local_rotary } else { &self.global_rotary }
    }

    pub(super) fn mask(&self) -> Option<Tensor<4, Bool>> {
        self.mask.clone()
    }

    /// None where the window holds the whole sequence.
    pub(super) fn window(&self, local: bool) -> Option<&LocalWindow> {
        self.window.as_ref().filter(|_| local)
    }
}

impl ModernBert {
    /// All tokens after the final layer norm: transformers' `last_hidden_state`.
    ///
    /// # Shapes
    /// - `ids`: `[batch, length]`, with `length` up to [`max_length`](Self::max_length)
    /// - `valid`: `[batch, length]`, true where a token is real; at least one in each sequence
    /// - output: `[batch, length, width]`; rows of padding mean nothing
    ///
    /// # Panics
    /// On other shapes, on sequences that are too long, and on ids that are not in the word table.
    pub fn forward(&self, ids: Tensor<2, Int>, valid: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let context = self.context(ids.dims(), valid, &ids.device());
        let tokens = self.embed(ids);
        let tokens = self.blocks.iter().fold(tokens, |x, block| block.forward(x, &context));
        self.final_norm.forward(tokens)
    }

    /// The tokens that enter the first block `[batch, length, width]`.
    ///
    /// # Panics
    /// On ids that are not in the word table.
    pub fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.norm.forward(embedding(self.words.weight.val(), ids))
    }

    /// What the blocks need to know of a batch `[batch, length]`: made once for all of them.
    ///
    /// # Panics
    /// On sequences that are too long.
    pub fn context(
        &self,
        [batch, length]: [usize; 2],
        valid: Option<Tensor<2, Bool>>,
        device: &Device,
    ) -> AttentionContext {
        let window = (length > self.reach + 1)
            .then(|| LocalWindow::new([batch, length], self.heads, self.reach, valid.clone(), device));
        AttentionContext {
            global_rotary: self.global_rotary.first(length),
            local_rotary: self.local_rotary.first(length),
            mask: valid.map(|valid| key_padding_mask(valid, self.heads)),
            window,
        }
    }

    /// The vectors of the words alone.
    pub const fn words(&self) -> &Embedding {
        &self.words
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[ModernBertBlock] {
        &self.blocks
    }

    /// Width of the tokens.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Rows of the word table.
    pub fn vocab_size(&self) -> usize {
        self.words.weight.dims()[0]
    }

    /// The longest sequence that there are positions for.
    pub const fn max_length(&self) -> usize {
        self.max_length
    }
}
