//! The RoBERTa model.

use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Bool, Int, Tensor};

use crate::bert::{BertBlock, BertEncoder, BertPooler, run_blocks};
use crate::ops::embedding;

/// A RoBERTa model; see the [module documentation](super).
///
/// Made by [`RobertaConfig::init`](super::RobertaConfig::init) with random weights or by [`Roberta::from_pretrained`].
#[derive(Module, Debug)]
pub struct Roberta {
    pub(super) words: Embedding,
    pub(super) encoder: BertEncoder,
    pub(super) pooler: Option<BertPooler>,
    pub(super) pad_token: usize,
    pub(super) max_length: usize,
}

impl Roberta {
    /// All tokens after the last block: transformers' `last_hidden_state`.
    ///
    /// # Shapes
    /// - `ids`: `[batch, length]`, with `length` up to [`max_length`](Self::max_length)
    /// - `valid`: `[batch, length]`, true where a token is real; at least one in each sequence
    /// - output: `[batch, length, width]`; rows of padding mean nothing
    ///
    /// # Panics
    /// On other shapes, on sequences that are too long, and on ids that are not in the word table.
    pub fn forward(&self, ids: Tensor<2, Int>, valid: Option<Tensor<2, Bool>>) -> Tensor<3> {
        run_blocks(self.encoder.blocks(), self.embed(ids), valid)
    }

    /// The tokens that enter the first block `[batch, length, width]`.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let positions = self.positions(ids.clone());
        let words = embedding(self.words.weight.val(), ids);
        self.encoder.embeddings().forward_at(words, positions)
    }

    /// Tokens other than padding are counted from `pad_token + 1`; padding has the row of its own id.
    fn positions(&self, ids: Tensor<2, Int>) -> Tensor<2, Int> {
        let real = ids.not_equal_elem(self.pad_token as i64).int();
        real.clone().cumsum(1) * real + self.pad_token as i64
    }

    /// The vectors of the words alone.
    pub const fn words(&self) -> &Embedding {
        &self.words
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[BertBlock] {
        self.encoder.blocks()
    }

    /// The pooler, where the checkpoint has one.
    pub const fn pooler(&self) -> Option<&BertPooler> {
        self.pooler.as_ref()
    }

    /// Width of the tokens.
    pub const fn width(&self) -> usize {
        self.encoder.width()
    }

    /// Rows of the word table.
    pub fn vocab_size(&self) -> usize {
        self.words.weight.dims()[0]
    }

    /// The id of padding, which positions go by.
    pub const fn pad_token(&self) -> usize {
        self.pad_token
    }

    /// The longest sequence that there are positions for.
    pub const fn max_length(&self) -> usize {
        self.max_length
    }
}
