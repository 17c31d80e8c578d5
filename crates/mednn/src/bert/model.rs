//! BERT on token ids.

use burn::module::Module;
use burn::nn::{Embedding, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};

use super::encoder::BertEncoder;
use crate::ops::embedding;

/// Linear and tanh on the first token: what BERT's next-sentence objective trained.
#[derive(Module, Debug)]
pub struct BertPooler {
    dense: Linear,
}

impl BertPooler {
    pub(crate) fn new(width: usize, device: &Device) -> Self {
        Self { dense: LinearConfig::new(width, width).init(device) }
    }

    /// # Shapes
    /// - `tokens`: `[batch, length, width]`
    /// - output: `[batch, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [batch, _, width] = tokens.dims();
        self.dense.forward(tokens.narrow(1, 0, 1).reshape([batch, width])).tanh()
    }
}

/// A word table, a [`BertEncoder`] and, where the checkpoint has one, a pooler.
///
/// Made by [`BertConfig::init_model`](super::BertConfig::init_model) with random weights or by [`Bert::from_pretrained`].
#[derive(Module, Debug)]
pub struct Bert {
    pub(crate) words: Embedding,
    pub(crate) encoder: BertEncoder,
    pub(crate) pooler: Option<BertPooler>,
    pub(super) max_length: usize,
}

impl Bert {
    /// All tokens after the last block: transformers' `last_hidden_state`.
    ///
    /// # Shapes
    /// - `ids`: `[batch, length]`, with `length` up to [`max_length`](Self::max_length); longer ones get the position table
    ///   stretched over them
    /// - `types`: `[batch, length]`; all 0 when there are none
    /// - `valid`: `[batch, length]`, true where a token is real; at least one in each sequence
    /// - output: `[batch, length, width]`; rows of padding mean nothing
    ///
    /// # Panics
    /// On other shapes, and on ids and types that are not in their tables.
    pub fn forward(
        &self,
        ids: Tensor<2, Int>,
        types: Option<Tensor<2, Int>>,
        valid: Option<Tensor<2, Bool>>,
    ) -> Tensor<3> {
        let words = embedding(self.words.weight.val(), ids);
        match types {
            Some(types) => self.encoder.forward_typed(words, types, valid),
            None => self.encoder.forward(words, valid),
        }
    }

    /// The vectors of the words alone, before positions and types.
    pub const fn words(&self) -> &Embedding {
        &self.words
    }

    /// All that comes after the words.
    pub const fn encoder(&self) -> &BertEncoder {
        &self.encoder
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

    /// Rows of the position table.
    pub const fn max_length(&self) -> usize {
        self.max_length
    }
}
