//! What a text encoder is made of.

use burn::tensor::Device;
use serde::Deserialize;

use super::model::TextModel;
use crate::bert::{BertConfig, wrong};
use crate::error::{Error, Result};
use crate::modernbert::ModernBertConfig;
use crate::roberta::RobertaConfig;
use crate::weights::KeyMap;

/// The configuration of one of the text encoders.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TextConfig {
    /// transformers' `bert`, and `cxr-bert`.
    Bert(BertConfig),
    /// transformers' `roberta`.
    Roberta(RobertaConfig),
    /// transformers' `modernbert`.
    ModernBert(ModernBertConfig),
}

#[derive(Deserialize)]
struct ModelType {
    model_type: Option<String>,
}

impl TextConfig {
    /// From the text of a transformers `config.json`, by its `model_type`.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::Config`] for another `model_type`, and as the configuration of each model.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let ModelType { model_type } = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        match model_type.as_deref() {
            Some("bert" | "cxr-bert") => BertConfig::from_hugging_face(json).map(Self::Bert),
            Some("roberta") => RobertaConfig::from_hugging_face(json).map(Self::Roberta),
            Some("modernbert") => ModernBertConfig::from_hugging_face(json).map(Self::ModernBert),
            other => {
                Err(wrong("model_type", "bert, cxr-bert, roberta or modernbert", other.unwrap_or("none")))
            }
        }
    }

    /// As the text of a transformers `config.json`.
    pub fn to_hugging_face(&self) -> String {
        match self {
            Self::Bert(config) => config.to_hugging_face(),
            Self::Roberta(config) => config.to_hugging_face(),
            Self::ModernBert(config) => config.to_hugging_face(),
        }
    }

    /// The names under which weights are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        match self {
            Self::Bert(config) => config.model_key_map(),
            Self::Roberta(config) => config.key_map(),
            Self::ModernBert(config) => config.key_map(),
        }
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> TextModel {
        match self {
            Self::Bert(config) => TextModel::Bert(config.init_model(device)),
            Self::Roberta(config) => TextModel::Roberta(config.init(device)),
            Self::ModernBert(config) => TextModel::ModernBert(config.init(device)),
        }
    }
}
