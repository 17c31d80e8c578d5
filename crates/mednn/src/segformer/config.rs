//! What a SegFormer is made of.

use std::collections::BTreeMap;

use burn::config::Config;
use burn::tensor::Device;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::model::Segformer;
use crate::error::{Error, Result};
use crate::mit::{MitConfig, wrong};

/// Sizes and switches of a [`Segformer`].
#[derive(Config, Debug, PartialEq)]
pub struct SegformerConfig {
    /// The encoder.
    pub encoder: MitConfig,
    /// Width of the decode head.
    pub decoder_hidden_size: usize,
    /// Number of classes, background included where there is one.
    pub num_labels: usize,
    /// Dropout before the classifier, in training only.
    #[config(default = 0.1)]
    pub classifier_dropout_prob: f64,
}

/// The fields of a transformers `config.json` that are of the head, with transformers' defaults.
#[derive(Deserialize)]
#[serde(default)]
struct HuggingFace {
    decoder_hidden_size: usize,
    classifier_dropout_prob: f64,
    id2label: Option<BTreeMap<String, IgnoredAny>>,
    num_labels: Option<usize>,
}

impl Default for HuggingFace {
    fn default() -> Self {
        Self { decoder_hidden_size: 256, classifier_dropout_prob: 0.1, id2label: None, num_labels: None }
    }
}

impl SegformerConfig {
    /// SegFormer-B0.
    pub fn b0(num_labels: usize) -> Self {
        Self::new(MitConfig::b0(), 256, num_labels)
    }

    /// SegFormer-B1.
    pub fn b1(num_labels: usize) -> Self {
        Self::new(MitConfig::b1(), 256, num_labels)
    }

    /// SegFormer-B2.
    pub fn b2(num_labels: usize) -> Self {
        Self::new(MitConfig::b2(), 768, num_labels)
    }

    /// SegFormer-B3.
    pub fn b3(num_labels: usize) -> Self {
        Self::new(MitConfig::b3(), 768, num_labels)
    }

    /// SegFormer-B4.
    pub fn b4(num_labels: usize) -> Self {
        Self::new(MitConfig::b4(), 768, num_labels)
    }

    /// SegFormer-B5.
    pub fn b5(num_labels: usize) -> Self {
        Self::new(MitConfig::b5(), 768, num_labels)
    }

    /// From the text of a transformers `config.json` of `model_type` `segformer`. The number of classes is that of
    /// `id2label`, or `num_labels`, or 2.
    ///
    /// # Errors
    /// As [`MitConfig::from_hugging_face`].
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let encoder = MitConfig::from_hugging_face(json)?;
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        let num_labels = hf.id2label.map(|labels| labels.len()).or(hf.num_labels).unwrap_or(2);
        let config = Self::new(encoder, hf.decoder_hidden_size, num_labels)
            .with_classifier_dropout_prob(hf.classifier_dropout_prob);
        config.validate()?;
        Ok(config)
    }

    /// As the text of a transformers `config.json`, so that what is trained here loads there. Classes are named by
    /// number.
    pub fn to_hugging_face(&self) -> String {
        let mut json = self.encoder.to_json();
        if let Some(object) = json.as_object_mut() {
            let name = |i: usize| format!("LABEL_{i}");
            let id2label = (0..self.num_labels).map(|i| (i.to_string(), name(i).into()));
            let label2id = (0..self.num_labels).map(|i| (name(i), i.into()));
            object.insert("decoder_hidden_size".to_string(), self.decoder_hidden_size.into());
            object.insert("classifier_dropout_prob".to_string(), self.classifier_dropout_prob.into());
            object.insert("id2label".to_string(), serde_json::Value::Object(id2label.collect()));
            object.insert("label2id".to_string(), serde_json::Value::Object(label2id.collect()));
        }
        format!("{json:#}\n")
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        self.encoder.validate()?;
        for (field, found) in
            [("decoder_hidden_size", self.decoder_hidden_size), ("num_labels", self.num_labels)]
        {
            if found == 0 || found > 65_536 {
                return Err(wrong(field, "1 to 65536", &found.to_string()));
            }
        }
        if !(0.0..1.0).contains(&self.classifier_dropout_prob) {
            let found = self.classifier_dropout_prob.to_string();
            return Err(wrong("classifier_dropout_prob", "0 to below 1", &found));
        }
        Ok(())
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> Segformer {
        Segformer::new(self, device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        let config = SegformerConfig::b3(7).with_classifier_dropout_prob(0.25);
        assert_eq!(SegformerConfig::from_hugging_face(&config.to_hugging_face()).unwrap(), config);
    }

    #[test]
    fn classes_are_counted_as_in_transformers() {
        let classes = |fields: &str| {
            let json = format!(r#"{{"model_type": "segformer"{fields}}}"#);
            SegformerConfig::from_hugging_face(&json).map(|config| config.num_labels)
        };
        assert_eq!(classes("").unwrap(), 2);
        assert_eq!(classes(r#", "num_labels": 5"#).unwrap(), 5);
        assert_eq!(classes(r#", "id2label": {"0": "background", "1": "a", "2": "b"}"#).unwrap(), 3);
        assert!(matches!(classes(r#", "num_labels": 0"#), Err(Error::Config { field: "num_labels", .. })));
        assert!(matches!(classes(r#", "id2label": {}"#), Err(Error::Config { field: "num_labels", .. })));
        let wide = classes(r#", "decoder_hidden_size": 1000000000"#);
        assert!(matches!(wide, Err(Error::Config { field: "decoder_hidden_size", .. })));
    }
}
