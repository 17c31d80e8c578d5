//! Phrases to token ids.

use std::path::Path;

use tokenizers::Encoding;

use crate::error::{Error, Result};

/// Longer texts are refused before they are tokenised.
pub const MAX_PHRASE_BYTES: usize = 1 << 18;

/// Names of the first, last and padding tokens, of BERT and ModernBERT, and of RoBERTa.
const SPECIAL_TOKENS: [[&str; 3]; 2] = [["[CLS]", "[SEP]", "[PAD]"], ["<s>", "</s>", "<pad>"]];

/// The tokens of one phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Special tokens included.
    pub ids: Vec<u32>,
    /// Where each begins and ends in the phrase, in characters, the end excluded; `[0, 0]` for special tokens.
    pub offsets: Vec<[usize; 2]>,
    /// How many there would have been without a limit.
    pub total: usize,
}

/// A tokeniser from a `tokenizer.json`, by the crate [`tokenizers`](https://docs.rs/tokenizers). Padding and truncation of
/// the file are not used.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    json: Vec<u8>,
    pad: u32,
    largest: u32,
}

impl Tokenizer {
    /// From a folder with a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::NoTokenizer`], [`Error::Io`], and as [`from_bytes`](Self::from_bytes).
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let path = folder.join("tokenizer.json");
        match std::fs::read(&path) {
            Ok(bytes) => Self::from_bytes(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::NoTokenizer { folder: folder.to_path_buf() })
            }
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    /// From the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when it does not parse; [`Error::SpecialToken`] when the first, the last or the padding token is
    /// not in the vocabulary, or phrases do not get the first two.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes).map_err(|error| failed(&error))?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| failed(&error))?;
        let pad = special_tokens(&inner)?;
        let largest = inner.get_vocab(true).into_values().max().unwrap_or_default();
        Ok(Self { inner, json: bytes, pad, largest })
    }

    /// The tokens of a phrase; those beyond `max_length`, special ones counted, are cut off at its end.
    ///
    /// # Errors
    /// [`Error::EmptyPhrase`] for one without a single token; [`Error::PhraseTooLong`] above [`MAX_PHRASE_BYTES`];
    /// [`Error::Tokenizer`] when the vocabulary has no token for unknown words.
    pub fn tokenize(&self, phrase: &str, max_length: usize) -> Result<Tokens> {
        if phrase.len() > MAX_PHRASE_BYTES {
            return Err(Error::PhraseTooLong { bytes: phrase.len(), limit: MAX_PHRASE_BYTES });
        }
        if phrase.trim().is_empty() {
            return Err(Error::EmptyPhrase);
        }
        let encoding = self.inner.encode_char_offsets(phrase, true).map_err(|error| failed(&error))?;
        let mut ids = encoding.get_ids().to_vec();
        let mut offsets: Vec<_> = encoding.get_offsets().iter().map(|&(start, end)| [start, end]).collect();
        let total = ids.len();
        if total <= 2 {
            return Err(Error::EmptyPhrase);
        }
        if total > max_length {
            // All but the special token at the end are cut off there.
            let cut = max_length.saturating_sub(1)..total - 1;
            ids.drain(cut.clone());
            offsets.drain(cut);
        }
        Ok(Tokens { ids, offsets, total })
    }

    /// The id that padding is given.
    pub const fn pad_token(&self) -> u32 {
        self.pad
    }

    /// The largest id in the vocabulary.
    pub const fn largest_id(&self) -> u32 {
        self.largest
    }

    /// The `tokenizer.json` it was made from.
    pub fn json(&self) -> &[u8] {
        &self.json
    }
}

/// The id of padding, once it is sure that phrases get a first and a last token.
fn special_tokens(tokenizer: &tokenizers::Tokenizer) -> Result<u32> {
    let known = SPECIAL_TOKENS.into_iter().find(|[first, ..]| tokenizer.token_to_id(first).is_some());
    let missing = |token: &str, wanted| Err(Error::SpecialToken { token: token.to_string(), wanted });
    let Some([first, last, pad]) = known else {
        return missing("[CLS] or <s>", "is in the vocabulary");
    };
    let mut ids = [0; 3];
    for (id, token) in ids.iter_mut().zip([first, last, pad]) {
        match tokenizer.token_to_id(token) {
            Some(found) => *id = found,
            None => return missing(token, "is in the vocabulary"),
        }
    }
    let template = tokenizer.post_process(Encoding::default(), None, true).map_err(|error| failed(&error))?;
    match template.get_ids() {
        [start, end] if [*start, *end] == ids[..2] => Ok(ids[2]),
        [start, ..] if *start != ids[0] => missing(first, "begins every phrase"),
        _ => missing(last, "ends every phrase, after the first token and nothing else"),
    }
}

fn failed(error: &tokenizers::Error) -> Error {
    Error::Tokenizer { reason: error.to_string() }
}
