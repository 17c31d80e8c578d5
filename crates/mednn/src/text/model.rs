//! Any of the text encoders, on token ids.

use std::path::Path;

use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::config::TextConfig;
use crate::bert::Bert;
use crate::error::Result;
use crate::modernbert::ModernBert;
use crate::roberta::Roberta;
use crate::weights::{WeightReport, WeightSource, read_text};

/// One of the text encoders. A model that is trained on top of one holds this and works with all.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one per program
pub enum TextModel {
    /// BERT and its kin.
    Bert(Bert),
    /// RoBERTa.
    Roberta(Roberta),
    /// ModernBERT.
    ModernBert(ModernBert),
}

impl TextModel {
    /// From a folder with a Hugging Face `config.json` and `model.safetensors`, strictly.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), and as [`from_source`](Self::from_source).
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let config = read_text(&folder.join("config.json"))?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Self::from_source(&config, source, device).map(|(model, _)| model)
    }

    /// From the text of a `config.json` and an opened source of weights, strictly; with the report of which key went where.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`](crate::Error::ConfigSyntax), [`Error::Config`](crate::Error::Config),
    /// [`Error::Io`](crate::Error::Io), and [`Error::Weights`](crate::Error::Weights) when a key is missing, unused or
    /// of another shape.
    pub fn from_source(
        config_json: &str,
        source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        match TextConfig::from_hugging_face(config_json)? {
            TextConfig::Bert(_) => Bert::from_source(config_json, source, device)
                .map(|(model, report)| (Self::Bert(model), report)),
            TextConfig::Roberta(_) => Roberta::from_source(config_json, source, device)
                .map(|(model, report)| (Self::Roberta(model), report)),
            TextConfig::ModernBert(_) => ModernBert::from_source(config_json, source, device)
                .map(|(model, report)| (Self::ModernBert(model), report)),
        }
    }

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
        match self {
            Self::Bert(model) => model.forward(ids, None, valid),
            Self::Roberta(model) => model.forward(ids, valid),
            Self::ModernBert(model) => model.forward(ids, valid),
        }
    }

    /// The vectors of the words alone.
    pub const fn words(&self) -> &Embedding {
        match self {
            Self::Bert(model) => model.words(),
            Self::Roberta(model) => model.words(),
            Self::ModernBert(model) => model.words(),
        }
    }

    /// Width of the tokens.
    pub const fn width(&self) -> usize {
        match self {
            Self::Bert(model) => model.width(),
            Self::Roberta(model) => model.width(),
            Self::ModernBert(model) => model.width(),
        }
    }

    /// Rows of the word table.
    pub fn vocab_size(&self) -> usize {
        self.words().weight.dims()[0]
    }

    /// The longest sequence that there are positions for.
    pub const fn max_length(&self) -> usize {
        match self {
            Self::Bert(model) => model.max_length(),
            Self::Roberta(model) => model.max_length(),
            Self::ModernBert(model) => model.max_length(),
        }
    }
}
