//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::ModernBertConfig;
use super::model::ModernBert;
use crate::error::Result;
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource, read_text};

/// transformers' `ModernBertModel` and the models with a head on it.
const MODERNBERT: KeyMap = KeyMap {
    layers: &[&[
        ("words", "embeddings.tok_embeddings"),
        ("norm", "embeddings.norm"),
        ("blocks.*.attention_norm", "layers.*.attn_norm"),
        ("blocks.*.attention.qkv", "layers.*.attn.Wqkv"),
        ("blocks.*.attention.output", "layers.*.attn.Wo"),
        ("blocks.*.mlp_norm", "layers.*.mlp_norm"),
        ("blocks.*.mlp.input", "layers.*.mlp.Wi"),
        ("blocks.*.mlp.output", "layers.*.mlp.Wo"),
        ("final_norm", "final_norm"),
    ]],
    prefixes: &["model."],
    ignored: &["head.", "decoder.", "classifier."],
};

impl ModernBertConfig {
    /// The names under which weights of this architecture are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        &MODERNBERT
    }
}

impl ModernBert {
    /// From a folder with a Hugging Face `config.json` and `model.safetensors`, strictly.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::ConfigSyntax`](crate::Error::ConfigSyntax),
    /// [`Error::Config`](crate::Error::Config), [`Error::WeightFormat`](crate::Error::WeightFormat), and
    /// [`Error::Weights`](crate::Error::Weights) when a key is missing, unused or of another shape.
    pub fn from_pretrained(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let config = read_text(&folder.join("config.json"))?;
        let source = WeightSource::open(folder.join("model.safetensors"))?;
        Self::from_source(&config, source, device).map(|(model, _)| model)
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
        let config = ModernBertConfig::from_hugging_face(config_json)?;
        weights::load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
    }
}
