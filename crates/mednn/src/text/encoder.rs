//! A text encoder with its tokeniser.

use std::path::Path;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use super::config::TextConfig;
use super::model::TextModel;
use super::output::{TextEncoding, Truncation};
use super::tokenizer::{Tokenizer, Tokens};
use crate::bert::wrong;
use crate::error::{Error, Result};
use crate::int8::{QuantizeReport, quantize};
use crate::weights::{Precision, WeightSource, read_text, save};

/// The limit where the model has positions for more: phrases and reports are shorter, and attention costs the square.
const DEFAULT_MAX_LENGTH: usize = 512;

/// A model and the tokeniser that it was trained with; see the [module documentation](super).
#[derive(Debug, Clone)]
pub struct TextEncoder {
    config: TextConfig,
    model: TextModel,
    tokenizer: Tokenizer,
    device: Device,
    max_length: usize,
}

impl TextEncoder {
    /// From a folder with a Hugging Face `config.json`, `model.safetensors` and `tokenizer.json`, strictly.
    ///
    /// # Errors
    /// As [`Tokenizer::from_pretrained`], [`TextModel::from_pretrained`] and [`from_source`](Self::from_source).
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let config = read_text(&folder.join("config.json"))?;
        let tokenizer = Tokenizer::from_pretrained(folder)?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Self::from_source(&config, source, tokenizer, device)
    }

    /// From the text of a `config.json`, an opened source of weights and a tokeniser.
    ///
    /// # Errors
    /// As [`TextModel::from_source`]; [`Error::Vocabulary`] when the tokeniser has ids that the word table does not have;
    /// [`Error::Config`] when the two disagree about padding or the model has no room for a phrase.
    pub fn from_source(
        config_json: &str,
        source: WeightSource,
        tokenizer: Tokenizer,
        device: &Device,
    ) -> Result<Self> {
        let config = TextConfig::from_hugging_face(config_json)?;
        let (model, _) = TextModel::from_source(config_json, source, device)?;
        fits(tokenizer.largest_id(), &model)?;
        if let TextModel::Roberta(roberta) = &model
            && roberta.pad_token() != tokenizer.pad_token() as usize
        {
            let expected = format!("{}, as in tokenizer.json", tokenizer.pad_token());
            return Err(wrong("pad_token_id", &expected, &roberta.pad_token().to_string()));
        }
        let max_length = model.max_length().min(DEFAULT_MAX_LENGTH);
        let encoder = Self { config, model, tokenizer, device: device.clone(), max_length };
        encoder.with_max_length(max_length)
    }

    /// With another limit on the tokens of a phrase, special ones included.
    ///
    /// # Errors
    /// [`Error::Config`] unless it is 3 to what the model has positions for.
    pub fn with_max_length(mut self, max_length: usize) -> Result<Self> {
        let most = self.model.max_length();
        if !(3..=most).contains(&max_length) {
            return Err(wrong("max_length", &format!("3 to {most}"), &max_length.to_string()));
        }
        self.max_length = max_length;
        Ok(self)
    }

    /// With those linear layers in 8 bits whose weights are `wanted`: see [`mednn::int8`](crate::int8).
    pub fn into_int8(self, wanted: impl FnMut(&str) -> bool) -> (Self, QuantizeReport) {
        let (model, report) = quantize(self.model, wanted);
        (Self { model, ..self }, report)
    }

    /// Encodes a batch of phrases, padded to the longest of them. Phrases above [`max_length`](Self::max_length) are cut off at
    /// their end; the result says which.
    ///
    /// # Errors
    /// [`Error::Shape`] without a phrase; [`Error::Phrase`] with the place of a phrase in the batch and what is wrong with it:
    /// [`Error::EmptyPhrase`], [`Error::PhraseTooLong`], [`Error::Tokenizer`] or [`Error::Vocabulary`].
    pub fn encode(&self, phrases: &[&str]) -> Result<TextEncoding> {
        if phrases.is_empty() {
            let expected = "at least one".to_string();
            return Err(Error::Shape { what: "phrases", expected, found: vec![0] });
        }
        let at = |index| move |source| Error::Phrase { index, source: Box::new(source) };
        let tokens = phrases
            .iter()
            .enumerate()
            .map(|(index, phrase)| self.tokenize(phrase).map_err(at(index)))
            .collect::<Result<Vec<_>>>()?;
        let (ids, mask, padded) = self.batch(&tokens);
        let vectors = self.model.forward(ids, padded.then(|| mask.clone()));
        let truncated = tokens.iter().enumerate().filter(|(_, t)| t.total > t.ids.len());
        let truncated =
            truncated.map(|(phrase, t)| Truncation { phrase, kept: t.ids.len(), total: t.total }).collect();
        let offsets = tokens.into_iter().map(|t| t.offsets).collect();
        Ok(TextEncoding { tokens: vectors, mask, offsets, truncated })
    }

    fn tokenize(&self, phrase: &str) -> Result<Tokens> {
        let tokens = self.tokenizer.tokenize(phrase, self.max_length)?;
        // A template may hold ids that are not in its own vocabulary.
        fits(tokens.ids.iter().copied().max().unwrap_or_default(), &self.model)?;
        Ok(tokens)
    }

    /// Ids and mask `[batch, longest]`, and whether there is any padding.
    fn batch(&self, tokens: &[Tokens]) -> (Tensor<2, Int>, Tensor<2, Bool>, bool) {
        let longest = tokens.iter().map(|t| t.ids.len()).max().unwrap_or_default();
        let shape = [tokens.len(), longest];
        let pad = i64::from(self.tokenizer.pad_token());
        let row = |t: &Tokens| {
            let ids = t.ids.iter().map(|&id| i64::from(id));
            ids.chain(std::iter::repeat(pad)).take(longest).collect::<Vec<_>>()
        };
        let ids: Vec<i64> = tokens.iter().flat_map(row).collect();
        let mask: Vec<bool> =
            tokens.iter().flat_map(|t| (0..longest).map(|position| position < t.ids.len())).collect();
        let padded = mask.contains(&false);
        let ids = Tensor::from_data(TensorData::new(ids, shape), &self.device);
        (ids, Tensor::from_data(TensorData::new(mask, shape), &self.device), padded)
    }

    /// Writes `config.json`, `model.safetensors` and `tokenizer.json`, so that what is trained here loads in transformers.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`save`].
    pub fn save_pretrained(&self, folder: impl AsRef<Path>, precision: Precision) -> Result<()> {
        let folder = folder.as_ref();
        let (path, map) = (folder.join("model.safetensors"), self.config.key_map());
        match &self.model {
            TextModel::Bert(model) => save(model, path, map, precision)?,
            TextModel::Roberta(model) => save(model, path, map, precision)?,
            TextModel::ModernBert(model) => save(model, path, map, precision)?,
        }
        let json = self.config.to_hugging_face();
        for (name, bytes) in [("config.json", json.as_bytes()), ("tokenizer.json", self.tokenizer.json())] {
            let path = folder.join(name);
            std::fs::write(&path, bytes).map_err(|source| Error::Io { path, source })?;
        }
        Ok(())
    }

    /// The model.
    pub const fn model(&self) -> &TextModel {
        &self.model
    }

    /// The tokeniser.
    pub const fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The configuration of the model.
    pub const fn config(&self) -> &TextConfig {
        &self.config
    }

    /// The limit on the tokens of a phrase, special ones included.
    pub const fn max_length(&self) -> usize {
        self.max_length
    }
}

fn fits(largest: u32, model: &TextModel) -> Result<()> {
    let rows = model.vocab_size();
    if (largest as usize) < rows { Ok(()) } else { Err(Error::Vocabulary { largest, rows }) }
}
