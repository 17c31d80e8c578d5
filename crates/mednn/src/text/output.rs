//! What a text encoder says about a batch of phrases.

use std::ops::Range;

use burn::tensor::{Bool, Tensor};

/// A phrase that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation {
    /// Which phrase of the batch.
    pub phrase: usize,
    /// How many tokens were kept, special ones included.
    pub kept: usize,
    /// How many there would have been.
    pub total: usize,
}

/// A vector for each token of each phrase.
#[derive(Debug, Clone)]
pub struct TextEncoding {
    pub(super) tokens: Tensor<3>,
    pub(super) mask: Tensor<2, Bool>,
    pub(super) offsets: Vec<Vec<[usize; 2]>>,
    pub(super) truncated: Vec<Truncation>,
}

impl TextEncoding {
    /// All tokens `[batch, length, width]`, special ones included, padded to the longest phrase; rows of padding mean nothing.
    pub fn tokens(&self) -> Tensor<3> {
        self.tokens.clone()
    }

    /// True where a token is real: `[batch, length]`.
    pub fn mask(&self) -> Tensor<2, Bool> {
        self.mask.clone()
    }

    /// For each phrase and each of its real tokens, where it begins and ends in the phrase: in characters (Unicode scalar
    /// values, not bytes), the end excluded, as transformers' `offset_mapping`. `[0, 0]` for special tokens.
    pub fn offsets(&self) -> &[Vec<[usize; 2]>] {
        &self.offsets
    }

    /// The phrases that were cut off.
    pub fn truncated(&self) -> &[Truncation] {
        &self.truncated
    }

    /// The tokens that touch the characters `span` of a phrase, first to last; `None` where none does (an empty span, one beyond
    /// the end or cut off) and for a phrase that is not in the batch.
    pub fn tokens_of(&self, phrase: usize, span: Range<usize>) -> Option<Range<usize>> {
        let offsets = self.offsets.get(phrase)?;
        let touches = |&[start, end]: &[usize; 2]| start.max(span.start) < end.min(span.end);
        let first = offsets.iter().position(touches)?;
        let last = offsets.iter().rposition(touches)?;
        Some(first..last + 1)
    }

    /// The first token of each phrase (`[CLS]`, `<s>`): `[batch, width]`.
    pub fn cls(&self) -> Tensor<2> {
        let [batch, _, width] = self.tokens.dims();
        self.tokens.clone().narrow(1, 0, 1).reshape([batch, width])
    }

    /// The mean over the real tokens of each phrase, special ones included, as sentence-transformers takes it: `[batch, width]`.
    pub fn mean(&self) -> Tensor<2> {
        let [batch, _, width] = self.tokens.dims();
        let weights = self.mask.clone().float();
        let count = weights.clone().sum_dim(1);
        let padding = self.mask.clone().bool_not().unsqueeze_dim::<3>(2).expand(self.tokens.dims());
        let sum = self.tokens.clone().mask_fill(padding, 0.0).sum_dim(1).reshape([batch, width]);
        sum / count
    }
}
