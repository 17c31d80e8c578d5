//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::RobertaConfig;
use super::model::Roberta;
use crate::bert::{MODEL_LAYERS, has_pooler, modern_names};
use crate::error::Result;
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource, read_text};

/// transformers' `RobertaModel` and the models with a head on it.
const ROBERTA: KeyMap = KeyMap {
    layers: MODEL_LAYERS,
    prefixes: &["roberta."],
    ignored: &["embeddings.position_ids", "pooler.", "lm_head.", "classifier.", "qa_outputs."],
};

impl RobertaConfig {
    /// The names under which weights of this architecture are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        &ROBERTA
    }
}

impl Roberta {
    /// From a folder with a Hugging Face `config.json` and `model.safetensors`, strictly. The model has a pooler if the
    /// weights have one.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::ConfigSyntax`](crate::Error::ConfigSyntax),
    /// [`Error::Config`](crate::Error::Config), [`Error::WeightFormat`](crate::Error::WeightFormat), and
    /// [`Error::Weights`](crate::Error::Weights) when a key is missing, unused or of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let config = read_text(&folder.join("config.json"))?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Self::from_source(&config, source, device).map(|(roberta, _)| roberta)
    }

    /// From the text of a `config.json` and an opened source of weights, strictly; with the report of which key went where.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_source(
        config_json: &str,
        mut source: WeightSource,
        device: &Device,
    ) -> Result<(Self, WeightReport)> {
        modern_names(&mut source);
        let mut config = RobertaConfig::from_hugging_face(config_json)?;
        config.bert.add_pooling_layer = has_pooler(&source, "roberta.");
        weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
    }
}
