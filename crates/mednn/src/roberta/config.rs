//! What a RoBERTa model is made of.

use burn::config::Config;
use burn::tensor::Device;
use serde::Deserialize;

use super::model::Roberta;
use crate::bert::{BertConfig, wrong};
use crate::error::{Error, Result};

/// Sizes of a [`Roberta`].
#[derive(Config, Debug, PartialEq)]
pub struct RobertaConfig {
    /// Those that it shares with BERT. The first `pad_token_id + 1` rows of the position table belong to no position.
    pub bert: BertConfig,
    /// The id of padding tokens.
    #[config(default = 1)]
    pub pad_token_id: usize,
}

#[derive(Deserialize)]
struct HuggingFace {
    #[serde(default = "default_pad")]
    pad_token_id: usize,
}

fn default_pad() -> usize {
    1
}

impl RobertaConfig {
    /// From the text of a transformers `config.json` of `model_type` `roberta`.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::Config`] for another `model_type` or `hidden_act`, or sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let bert = BertConfig::of_model_type(json, &["roberta"])?;
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        let config = Self { bert, pad_token_id: hf.pad_token_id };
        config.validate()?;
        Ok(config)
    }

    /// As the text of a transformers `config.json`.
    pub fn to_hugging_face(&self) -> String {
        let mut json = self.bert.to_json();
        if let Some(object) = json.as_object_mut() {
            object.insert("model_type".to_string(), "roberta".into());
            object.insert("pad_token_id".to_string(), self.pad_token_id.into());
        }
        format!("{json:#}\n")
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        self.bert.validate()?;
        let rows = self.bert.max_position_embeddings.min(self.bert.vocab_size);
        if self.pad_token_id + 1 >= rows {
            let rule = format!("below the positions and the vocabulary ({})", rows.saturating_sub(1));
            return Err(wrong("pad_token_id", &rule, &self.pad_token_id.to_string()));
        }
        Ok(())
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> Roberta {
        let bert = self.bert.init_model(device);
        Roberta {
            words: bert.words,
            encoder: bert.encoder,
            pooler: bert.pooler,
            pad_token: self.pad_token_id,
            max_length: self.bert.max_position_embeddings.saturating_sub(self.pad_token_id + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        let config =
            RobertaConfig::new(BertConfig::new(48, 2, 4, 96).with_layer_norm_eps(1e-5)).with_pad_token_id(3);
        assert_eq!(RobertaConfig::from_hugging_face(&config.to_hugging_face()).unwrap(), config);
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        let config = RobertaConfig::new(BertConfig::new(8, 1, 1, 8).with_max_position_embeddings(2));
        assert!(matches!(config.validate(), Err(Error::Config { field: "pad_token_id", .. })));
        let bert = BertConfig::new(8, 1, 1, 8).to_hugging_face();
        let error = RobertaConfig::from_hugging_face(&bert).unwrap_err();
        assert!(error.to_string().contains("expected roberta, found bert"), "{error}");
    }
}
