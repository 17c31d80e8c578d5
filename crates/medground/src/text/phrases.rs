//! Phrases as a padded batch of token ids.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mednn::text::{Tokenizer, Tokens};

use crate::error::{Error, Result};

/// Token ids of a batch of phrases.
#[derive(Debug, Clone)]
pub struct PhraseBatch {
    /// `[batch, length]`.
    pub ids: Tensor<2, Int>,
    /// True where a token is real: `[batch, length]`.
    pub valid: Tensor<2, Bool>,
    /// The tokens of each phrase, for offsets.
    pub tokens: Vec<Tokens>,
}

/// The tokens of a phrase; one that has more than `max_length` is refused.
///
/// # Errors
/// [`Error::PhraseTooLong`]; [`Error::Network`] for an empty phrase, or one above 256 KiB.
pub fn tokenize(tokenizer: &Tokenizer, phrase: &str, max_length: usize) -> Result<Tokens> {
    let tokens = tokenizer.tokenize(phrase, max_length)?;
    if tokens.total > max_length {
        return Err(Error::PhraseTooLong { tokens: tokens.total, limit: max_length });
    }
    Ok(tokens)
}

impl PhraseBatch {
    /// Padded to `length`, or to the longest phrase.
    ///
    /// # Errors
    /// [`Error::Batch`] when there is no phrase, or one is longer than `length`.
    pub fn new(tokens: Vec<Tokens>, pad_token: u32, length: Option<usize>, device: &Device) -> Result<Self> {
        let longest = tokens.iter().map(|t| t.ids.len()).max().unwrap_or_default();
        let length = length.unwrap_or(longest);
        if tokens.is_empty() || longest > length {
            return Err(Error::Batch {
                what: "phrases",
                expected: format!("at least one, of at most {length} tokens"),
                found: format!("{} of up to {longest}", tokens.len()),
            });
        }
        let pad = i64::from(pad_token);
        let row = |t: &Tokens| {
            let ids = t.ids.iter().map(|&id| i64::from(id));
            ids.chain(std::iter::repeat(pad)).take(length).collect::<Vec<_>>()
        };
        let ids: Vec<i64> = tokens.iter().flat_map(row).collect();
        let valid: Vec<bool> = tokens.iter().flat_map(|t| (0..length).map(|at| at < t.ids.len())).collect();
        let shape = [tokens.len(), length];
        Ok(Self {
            ids: Tensor::from_data(TensorData::new(ids, shape), device),
            valid: Tensor::from_data(TensorData::new(valid, shape), device),
            tokens,
        })
    }

    /// Slots of the tokens of a phrase that are words: special tokens are left out.
    pub fn word_slots(tokens: &Tokens) -> Vec<usize> {
        let words = tokens.offsets.iter().enumerate().filter(|(_, [start, end])| end > start);
        words.map(|(slot, _)| slot).collect()
    }
}
