//! What a BERT encoder is made of.

use burn::config::Config;
use burn::nn::{EmbeddingConfig, Initializer};
use burn::tensor::Device;
use serde::Deserialize;

use super::block::BertBlock;
use super::embeddings::BertEmbeddings;
use super::encoder::BertEncoder;
use super::model::{Bert, BertPooler};
use crate::error::{Error, Result};

/// Sizes of a [`Bert`] or, but for the words, a [`BertEncoder`].
#[derive(Config, Debug, PartialEq)]
pub struct BertConfig {
    /// Width of the tokens.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads of each attention; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width inside the feed-forward networks.
    pub intermediate_size: usize,
    /// Length of the position table.
    #[config(default = 512)]
    pub max_position_embeddings: usize,
    /// Rows of the token type table.
    #[config(default = 2)]
    pub type_vocab_size: usize,
    /// Added to the variance in layer norms.
    #[config(default = 1e-12)]
    pub layer_norm_eps: f64,
    /// Dropout on embeddings and residual branches, in training only.
    #[config(default = 0.1)]
    pub hidden_dropout_prob: f64,
    /// Rows of the word table.
    #[config(default = 30522)]
    pub vocab_size: usize,
    /// Whether a [`Bert`] has a pooler. In no `config.json`: the weights tell.
    #[config(default = false)]
    pub add_pooling_layer: bool,
}

#[derive(Deserialize)]
struct HuggingFace {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "default_positions")]
    max_position_embeddings: usize,
    #[serde(default = "default_types")]
    type_vocab_size: usize,
    #[serde(default = "default_eps")]
    layer_norm_eps: f64,
    #[serde(default = "default_dropout")]
    hidden_dropout_prob: f64,
    #[serde(default = "default_vocabulary")]
    vocab_size: usize,
    #[serde(default = "default_act")]
    hidden_act: String,
    #[serde(default = "default_position_type")]
    position_embedding_type: String,
}

fn default_positions() -> usize {
    512
}
fn default_types() -> usize {
    2
}
fn default_eps() -> f64 {
    1e-12
}
fn default_dropout() -> f64 {
    0.1
}
fn default_vocabulary() -> usize {
    30522
}
fn default_position_type() -> String {
    "absolute".to_string()
}
fn default_act() -> String {
    "gelu".to_string()
}

impl BertConfig {
    /// From the text of a transformers `config.json` of `model_type` `bert`, or `cxr-bert` (BiomedVLP-CXR-BERT).
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::Config`] for another `model_type`, `hidden_act` or `position_embedding_type`, or
    /// sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        Self::of_model_type(json, &["bert", "cxr-bert"])
    }

    /// As [`from_hugging_face`](Self::from_hugging_face), of one of these types.
    pub(crate) fn of_model_type(json: &str, types: &[&str]) -> Result<Self> {
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        if !types.contains(&hf.model_type.as_str()) {
            return Err(wrong("model_type", &types.join(" or "), &hf.model_type));
        }
        for (field, expected, found) in [
            ("hidden_act", "gelu", &hf.hidden_act),
            ("position_embedding_type", "absolute", &hf.position_embedding_type),
        ] {
            if found != expected {
                return Err(wrong(field, expected, found));
            }
        }
        let config = Self {
            hidden_size: hf.hidden_size,
            num_hidden_layers: hf.num_hidden_layers,
            num_attention_heads: hf.num_attention_heads,
            intermediate_size: hf.intermediate_size,
            max_position_embeddings: hf.max_position_embeddings,
            type_vocab_size: hf.type_vocab_size,
            layer_norm_eps: hf.layer_norm_eps,
            hidden_dropout_prob: hf.hidden_dropout_prob,
            vocab_size: hf.vocab_size,
            add_pooling_layer: false,
        };
        config.validate()?;
        Ok(config)
    }

    /// As the text of a transformers `config.json`.
    pub fn to_hugging_face(&self) -> String {
        format!("{:#}\n", self.to_json())
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "model_type": "bert",
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "type_vocab_size": self.type_vocab_size,
            "layer_norm_eps": self.layer_norm_eps,
            "hidden_dropout_prob": self.hidden_dropout_prob,
            "vocab_size": self.vocab_size,
            "hidden_act": "gelu",
        })
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        let bounded = [
            ("hidden_size", self.hidden_size, 65_536),
            ("num_hidden_layers", self.num_hidden_layers, 1_024),
            ("num_attention_heads", self.num_attention_heads, 65_536),
            ("intermediate_size", self.intermediate_size, 1 << 20),
            ("max_position_embeddings", self.max_position_embeddings, 1 << 24),
            ("type_vocab_size", self.type_vocab_size, 65_536),
            ("vocab_size", self.vocab_size, 1 << 24),
        ];
        for (field, found, limit) in bounded {
            if found == 0 || found > limit {
                return Err(wrong(field, &format!("1 to {limit}"), &found.to_string()));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let rule = format!("a divisor of hidden_size ({})", self.hidden_size);
            return Err(wrong("num_attention_heads", &rule, &self.num_attention_heads.to_string()));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return Err(wrong("layer_norm_eps", "between 0 and 1", &self.layer_norm_eps.to_string()));
        }
        if !(0.0..1.0).contains(&self.hidden_dropout_prob) {
            return Err(wrong("hidden_dropout_prob", "0 to below 1", &self.hidden_dropout_prob.to_string()));
        }
        Ok(())
    }

    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> BertEncoder {
        BertEncoder {
            embeddings: BertEmbeddings::new(self, device),
            blocks: (0..self.num_hidden_layers).map(|_| BertBlock::new(self, device)).collect(),
            width: self.hidden_size,
        }
    }

    /// An encoder with its word table, and with a pooler if [`add_pooling_layer`](Self::add_pooling_layer), with random
    /// weights.
    pub fn init_model(&self, device: &Device) -> Bert {
        Bert {
            words: EmbeddingConfig::new(self.vocab_size, self.hidden_size)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 0.02 })
                .init(device),
            encoder: self.init(device),
            pooler: self.add_pooling_layer.then(|| BertPooler::new(self.hidden_size, device)),
            max_length: self.max_position_embeddings,
        }
    }
}

pub(crate) fn wrong(field: &'static str, expected: &str, found: &str) -> Error {
    Error::Config { field, expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        let config = BertConfig::new(48, 2, 4, 96).with_max_position_embeddings(300);
        assert_eq!(BertConfig::from_hugging_face(&config.to_hugging_face()).unwrap(), config);
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        let mut config = BertConfig::new(48, 2, 5, 96);
        assert!(matches!(config.validate(), Err(Error::Config { field: "num_attention_heads", .. })));
        config = BertConfig::new(48, 0, 4, 96);
        assert!(matches!(config.validate(), Err(Error::Config { field: "num_hidden_layers", .. })));
        config = BertConfig::new(48, 2, 4, 96).with_vocab_size(0);
        assert!(matches!(config.validate(), Err(Error::Config { field: "vocab_size", .. })));
        let relative = BertConfig::new(8, 1, 1, 8).to_hugging_face();
        let relative = relative.replacen('{', r#"{"position_embedding_type": "relative_key","#, 1);
        let error = BertConfig::from_hugging_face(&relative).unwrap_err();
        assert!(matches!(error, Error::Config { field: "position_embedding_type", .. }));
        let roberta = BertConfig::new(8, 1, 1, 8).to_hugging_face().replace("bert", "roberta");
        assert!(matches!(BertConfig::from_hugging_face(&roberta), Err(Error::Config { .. })));
    }
}
