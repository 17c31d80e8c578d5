//! Names of the published weights, and loading them.

use std::path::Path;

use burn::tensor::Device;

use super::config::BertConfig;
use super::model::Bert;
use crate::error::Result;
use crate::weights::{self, KeyMap, Strictness, WeightReport, WeightSource, read_text};

/// Layers of the encoder, at `$at` in the module.
macro_rules! encoder {
    ($at:literal) => {
        &[
            (concat!($at, "embeddings.positions"), "embeddings.position_embeddings.weight"),
            (concat!($at, "embeddings.token_types"), "embeddings.token_type_embeddings.weight"),
            (concat!($at, "embeddings.norm"), "embeddings.LayerNorm"),
            (concat!($at, "blocks.*.attention.query"), "encoder.layer.*.attention.self.query"),
            (concat!($at, "blocks.*.attention.key"), "encoder.layer.*.attention.self.key"),
            (concat!($at, "blocks.*.attention.value"), "encoder.layer.*.attention.self.value"),
            (concat!($at, "blocks.*.attention.output"), "encoder.layer.*.attention.output.dense"),
            (concat!($at, "blocks.*.attention_norm"), "encoder.layer.*.attention.output.LayerNorm"),
            (concat!($at, "blocks.*.mlp.input"), "encoder.layer.*.intermediate.dense"),
            (concat!($at, "blocks.*.mlp.output"), "encoder.layer.*.output.dense"),
            (concat!($at, "blocks.*.mlp_norm"), "encoder.layer.*.output.LayerNorm"),
        ]
    };
}

const ENCODER: &[(&str, &str)] = encoder!("");
/// Of [`Bert`], and of RoBERTa, whose layers have the same names.
pub(crate) const MODEL_LAYERS: &[&[(&str, &str)]] =
    &[&[("words", "embeddings.word_embeddings"), ("pooler.dense", "pooler.dense")], encoder!("encoder.")];

/// transformers' `BertModel` without its words.
const BERT_ENCODER: KeyMap = KeyMap {
    layers: &[ENCODER],
    prefixes: &["bert."],
    // No words here; the pooler and the heads come after the encoder.
    ignored: &["embeddings.word_embeddings.", "embeddings.position_ids", "pooler.", "cls."],
};

/// transformers' `BertModel` and the models with a head on it, CXR-BERT's projection included.
const BERT: KeyMap = KeyMap {
    layers: MODEL_LAYERS,
    prefixes: &["bert."],
    ignored: &[
        "embeddings.position_ids",
        "pooler.",
        "cls.",
        "cls_projection_head.",
        "classifier.",
        "qa_outputs.",
    ],
};

impl BertConfig {
    /// The names under which weights of the encoder are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        &BERT_ENCODER
    }

    /// The names under which weights of the whole model are published.
    pub const fn model_key_map(&self) -> &'static KeyMap {
        &BERT
    }
}

impl Bert {
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
        Self::from_source(&config, source, device).map(|(bert, _)| bert)
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
        let config =
            BertConfig::from_hugging_face(config_json)?.with_add_pooling_layer(has_pooler(&source, "bert."));
        weights::load(config.init_model(device), &mut source, config.model_key_map(), Strictness::Exact)
    }
}

/// Whether the weights have a pooler, behind `wrapper` or not.
pub(crate) fn has_pooler(source: &WeightSource, wrapper: &str) -> bool {
    source.keys().any(|key| key.strip_prefix(wrapper).unwrap_or(key) == "pooler.dense.weight")
}

/// The first checkpoints, bert-base-uncased among them, call the parameters of layer norms gamma and beta.
pub(crate) fn modern_names(source: &mut WeightSource) {
    source.rename(|key| {
        let layer = key.strip_suffix(".gamma").map(|layer| (layer, "weight"));
        let (layer, name) = layer.or_else(|| key.strip_suffix(".beta").map(|layer| (layer, "bias")))?;
        layer.ends_with("LayerNorm").then(|| format!("{layer}.{name}"))
    });
}
