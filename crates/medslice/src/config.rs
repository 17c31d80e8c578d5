//! What a slice-sequence encoder is made of.

use burn::tensor::Device;
use mednn::VitConfig;
use mednn::bert::BertConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::model::SliceSequenceModel;

/// How the slices of a study become one embedding.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pooling {
    /// The mean over real slices.
    #[default]
    Mean,
}

/// The two parts of a [`SliceSequenceModel`].
///
/// Its JSON (`config.json` of a model folder) holds the two configurations as transformers writes them:
/// ```json
/// {"model_type": "slice_sequence", "slice_encoder": {"model_type": "dinov2", ...},
///  "sequence_encoder": {"model_type": "bert", ...}, "pooling": "mean"}
/// ```
/// A `config.json` of a 2D encoder alone is taken too: then there is no sequence model, and slices are pooled as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceSequenceConfig {
    /// The 2D encoder.
    pub slice_encoder: VitConfig,
    /// The transformer over slices, if any.
    pub sequence_encoder: Option<BertConfig>,
    /// From slices to study.
    pub pooling: Pooling,
}

pub(crate) const MODEL_TYPE: &str = "slice_sequence";

impl SliceSequenceConfig {
    /// From the text of a `config.json`.
    ///
    /// # Errors
    /// [`Error::Network`] for a part that does not parse or cannot be, [`Error::Config`] for parts that do not fit.
    pub fn from_json(text: &str) -> Result<Self> {
        let what = || "config.json".to_string();
        let syntax = |source| mednn::Error::ConfigSyntax { what: what(), source };
        let fields: Map<String, Value> = serde_json::from_str(text).map_err(syntax)?;
        if fields.get("model_type").and_then(Value::as_str) != Some(MODEL_TYPE) {
            let slice_encoder = VitConfig::from_hugging_face(text)?;
            return Ok(Self { slice_encoder, sequence_encoder: None, pooling: Pooling::Mean });
        }
        let part = |name: &'static str| fields.get(name).map(Value::to_string);
        let missing = |field| Error::Config { field, expected: "an object".into(), found: "nothing".into() };
        let slice_encoder = part("slice_encoder").ok_or_else(|| missing("slice_encoder"))?;
        let pooling = fields.get("pooling").cloned().map(serde_json::from_value).transpose();
        let config = Self {
            slice_encoder: VitConfig::from_hugging_face(&slice_encoder)?,
            sequence_encoder: part("sequence_encoder")
                .map(|json| BertConfig::from_hugging_face(&json))
                .transpose()?,
            pooling: pooling.map_err(syntax)?.unwrap_or_default(),
        };
        config.validate()?;
        Ok(config)
    }

    /// As the text of a `config.json`.
    pub fn to_json(&self) -> String {
        let value = |text: String| serde_json::from_str::<Value>(&text).unwrap_or_default();
        let mut json = serde_json::json!({
            "model_type": MODEL_TYPE,
            "slice_encoder": value(self.slice_encoder.to_hugging_face()),
            "pooling": self.pooling,
        });
        if let (Some(object), Some(sequence)) = (json.as_object_mut(), &self.sequence_encoder) {
            object.insert("sequence_encoder".to_string(), value(sequence.to_hugging_face()));
        }
        format!("{json:#}\n")
    }

    /// Checks that the parts fit.
    ///
    /// # Errors
    /// [`Error::Network`] for a part that cannot be, [`Error::Config`] when their widths differ.
    pub fn validate(&self) -> Result<()> {
        self.slice_encoder.validate()?;
        let Some(sequence) = &self.sequence_encoder else { return Ok(()) };
        sequence.validate()?;
        if sequence.hidden_size != self.slice_encoder.hidden_size {
            return Err(Error::Config {
                field: "sequence_encoder.hidden_size",
                expected: format!("that of the slice encoder, {}", self.slice_encoder.hidden_size),
                found: sequence.hidden_size.to_string(),
            });
        }
        Ok(())
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> SliceSequenceModel {
        let sequence = self.sequence_encoder.as_ref().map(|config| config.init(device));
        SliceSequenceModel::new(self.slice_encoder.init(device), sequence, self.pooling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mednn::vit::VitFamily;

    fn config() -> SliceSequenceConfig {
        SliceSequenceConfig {
            slice_encoder: VitConfig::new(VitFamily::Dinov2, 24, 1, 2, 48, 28, 14),
            sequence_encoder: Some(BertConfig::new(24, 2, 4, 48)),
            pooling: Pooling::Mean,
        }
    }

    #[test]
    fn written_and_read_again() {
        let config = config();
        assert_eq!(SliceSequenceConfig::from_json(&config.to_json()).unwrap(), config);
        let alone = SliceSequenceConfig { sequence_encoder: None, ..config };
        assert_eq!(SliceSequenceConfig::from_json(&alone.to_json()).unwrap(), alone);
        let published = alone.slice_encoder.to_hugging_face();
        assert_eq!(SliceSequenceConfig::from_json(&published).unwrap(), alone);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let mut config = config();
        config.sequence_encoder = Some(BertConfig::new(32, 2, 4, 48));
        let error = SliceSequenceConfig::from_json(&config.to_json()).unwrap_err();
        assert!(matches!(error, Error::Config { field: "sequence_encoder.hidden_size", .. }), "{error}");
        let error = SliceSequenceConfig::from_json(r#"{"model_type": "slice_sequence"}"#).unwrap_err();
        assert!(matches!(error, Error::Config { field: "slice_encoder", .. }), "{error}");
        assert!(matches!(SliceSequenceConfig::from_json("[]"), Err(Error::Network(_))));
    }
}
