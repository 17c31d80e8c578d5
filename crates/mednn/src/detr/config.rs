//! What a detection transformer is made of.

use burn::config::Config;
use burn::nn::{Initializer, LinearConfig};
use burn::tensor::Device;
use serde::Deserialize;
use serde_json::Value;

use super::decoder::DetrDecoder;
use super::encoder::DetrEncoder;
use super::model::{Detr, DetrDetector};
use crate::error::{Error, Result};
use crate::layers::CrossAttentionConfig;
use crate::resnet::{ResNetConfig, ResNetNames};

/// Sizes of a [`DetrEncoder`] or a [`DetrDecoder`]; by default those of DETR.
#[derive(Config, Debug, PartialEq)]
pub struct DetrTransformerConfig {
    /// Number of layers.
    #[config(default = 6)]
    pub num_layers: usize,
    /// Width of the tokens.
    #[config(default = 256)]
    pub width: usize,
    /// Heads of each attention; divides `width`.
    #[config(default = 8)]
    pub heads: usize,
    /// Width inside the feed-forward networks.
    #[config(default = 2048)]
    pub ffn: usize,
    /// Dropout on residual branches, in training only.
    #[config(default = 0.1)]
    pub dropout: f64,
    /// Dropout on attention weights, in training only; 0.1 in the paper's code.
    #[config(default = 0.0)]
    pub attention_dropout: f64,
    /// Dropout inside the feed-forward networks, in training only; 0.1 in the paper's code.
    #[config(default = 0.0)]
    pub activation_dropout: f64,
}

impl DetrTransformerConfig {
    /// An encoder with random weights.
    pub fn init_encoder(&self, device: &Device) -> DetrEncoder {
        DetrEncoder::new(self, device)
    }

    /// A decoder with random weights.
    pub fn init_decoder(&self, device: &Device) -> DetrDecoder {
        DetrDecoder::new(self, device)
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        let bounded = [
            ("num_layers", self.num_layers, 1_024),
            ("width", self.width, 65_536),
            ("heads", self.heads, 65_536),
            ("ffn", self.ffn, 1 << 20),
        ];
        for (field, found, limit) in bounded {
            if found == 0 || found > limit {
                return Err(wrong(field, &format!("1 to {limit}"), &found.to_string()));
            }
        }
        if !self.width.is_multiple_of(self.heads) {
            let rule = format!("a divisor of the width ({})", self.width);
            return Err(wrong("heads", &rule, &self.heads.to_string()));
        }
        for (field, found) in [
            ("dropout", self.dropout),
            ("attention_dropout", self.attention_dropout),
            ("activation_dropout", self.activation_dropout),
        ] {
            if !(0.0..1.0).contains(&found) {
                return Err(wrong(field, "0 to below 1", &found.to_string()));
            }
        }
        Ok(())
    }

    pub(super) fn attention(&self) -> CrossAttentionConfig {
        CrossAttentionConfig::new(self.width, self.heads).with_dropout(self.attention_dropout)
    }

    /// As DETR starts them: Glorot's uniform distribution.
    pub(super) fn linear(&self, input: usize, output: usize) -> LinearConfig {
        LinearConfig::new(input, output).with_initializer(Initializer::XavierUniform { gain: 1.0 })
    }
}

/// Sizes and switches of a [`Detr`] and of a [`DetrDetector`].
#[derive(Config, Debug, PartialEq)]
pub struct DetrConfig {
    /// The residual network; DETR freezes its batch norms.
    pub backbone: ResNetConfig,
    /// Classes, without *no object*.
    pub num_labels: usize,
    /// The transformer encoder.
    #[config(default = "DetrTransformerConfig::new()")]
    pub encoder: DetrTransformerConfig,
    /// The transformer decoder, of the encoder's width.
    #[config(default = "DetrTransformerConfig::new()")]
    pub decoder: DetrTransformerConfig,
    /// Number of learned queries.
    #[config(default = 100)]
    pub num_queries: usize,
}

/// The fields of a transformers `config.json` that matter here, with its defaults.
#[derive(Deserialize)]
#[serde(default)]
struct HuggingFace {
    model_type: String,
    use_timm_backbone: Option<bool>,
    backbone: Option<String>,
    backbone_config: Option<Value>,
    dilation: bool,
    num_channels: usize,
    num_queries: usize,
    d_model: usize,
    encoder_layers: usize,
    encoder_ffn_dim: usize,
    encoder_attention_heads: usize,
    decoder_layers: usize,
    decoder_ffn_dim: usize,
    decoder_attention_heads: usize,
    activation_function: String,
    position_embedding_type: String,
    dropout: f64,
    attention_dropout: f64,
    activation_dropout: f64,
    id2label: Option<serde_json::Map<String, Value>>,
    num_labels: Option<usize>,
}

impl Default for HuggingFace {
    fn default() -> Self {
        Self {
            model_type: String::new(),
            use_timm_backbone: None,
            backbone: None,
            backbone_config: None,
            dilation: false,
            num_channels: 3,
            num_queries: 100,
            d_model: 256,
            encoder_layers: 6,
            encoder_ffn_dim: 2048,
            encoder_attention_heads: 8,
            decoder_layers: 6,
            decoder_ffn_dim: 2048,
            decoder_attention_heads: 8,
            activation_function: "relu".to_string(),
            position_embedding_type: "sine".to_string(),
            dropout: 0.1,
            attention_dropout: 0.0,
            activation_dropout: 0.0,
            id2label: None,
            num_labels: None,
        }
    }
}

impl DetrConfig {
    /// From the text of a transformers `config.json` of `model_type` `detr`, with a residual network of timm or of
    /// transformers as its backbone.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::Config`] for another model, activation, position embedding or backbone, or
    /// sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| Error::ConfigSyntax { what: "config.json".to_string(), source })?;
        for (field, expected, found) in [
            ("model_type", "detr", &hf.model_type),
            ("activation_function", "relu", &hf.activation_function),
            ("position_embedding_type", "sine", &hf.position_embedding_type),
        ] {
            if found != expected {
                return Err(wrong(field, expected, found));
            }
        }
        let layers = |num_layers, heads, ffn| DetrTransformerConfig {
            num_layers,
            width: hf.d_model,
            heads,
            ffn,
            dropout: hf.dropout,
            attention_dropout: hf.attention_dropout,
            activation_dropout: hf.activation_dropout,
        };
        let config = Self {
            backbone: hf.backbone()?.with_frozen_batch_norm(true),
            num_labels: hf.id2label.as_ref().map(serde_json::Map::len).or(hf.num_labels).unwrap_or(2),
            encoder: layers(hf.encoder_layers, hf.encoder_attention_heads, hf.encoder_ffn_dim),
            decoder: layers(hf.decoder_layers, hf.decoder_attention_heads, hf.decoder_ffn_dim),
            num_queries: hf.num_queries,
        };
        config.validate()?;
        Ok(config)
    }

    /// As the text of a transformers `config.json`, so that what is trained here loads there.
    ///
    /// # Errors
    /// [`Error::Config`] for a backbone that transformers has no configuration for: one of torchvision's names that is
    /// not ResNet-18 to 152, or a dilated one of transformers' names.
    pub fn to_hugging_face(&self) -> Result<String> {
        let mut json = serde_json::json!({
            "model_type": "detr",
            "num_channels": self.backbone.num_channels,
            "num_queries": self.num_queries,
            "d_model": self.encoder.width,
            "encoder_layers": self.encoder.num_layers,
            "encoder_ffn_dim": self.encoder.ffn,
            "encoder_attention_heads": self.encoder.heads,
            "decoder_layers": self.decoder.num_layers,
            "decoder_ffn_dim": self.decoder.ffn,
            "decoder_attention_heads": self.decoder.heads,
            "activation_function": "relu",
            "position_embedding_type": "sine",
            "dropout": self.encoder.dropout,
            "attention_dropout": self.encoder.attention_dropout,
            "activation_dropout": self.encoder.activation_dropout,
            "dilation": self.backbone.dilate_last_stage,
        });
        let labels = (0..self.num_labels).map(|i| (i.to_string(), format!("LABEL_{i}").into()));
        json["id2label"] = Value::Object(labels.collect());
        let labels = (0..self.num_labels).map(|i| (format!("LABEL_{i}"), i.into()));
        json["label2id"] = Value::Object(labels.collect());
        match self.backbone.names {
            ResNetNames::Torchvision => {
                json["use_timm_backbone"] = true.into();
                json["backbone"] = self.timm_name()?.into();
                json["use_pretrained_backbone"] = false.into();
            }
            ResNetNames::Transformers if self.backbone.dilate_last_stage => {
                return Err(wrong("dilation", "false with a backbone of transformers", "true"));
            }
            ResNetNames::Transformers => {
                json["use_timm_backbone"] = false.into();
                json["backbone_config"] = self.backbone.to_value();
            }
        }
        Ok(format!("{json:#}\n"))
    }

    fn timm_name(&self) -> Result<&'static str> {
        let same = |name: &&&str| {
            ResNetConfig::named(name).is_ok_and(|published| {
                (published.block, published.depths, published.hidden_sizes, published.embedding_size)
                    == (
                        self.backbone.block,
                        self.backbone.depths,
                        self.backbone.hidden_sizes,
                        self.backbone.embedding_size,
                    )
            })
        };
        let names: [&'static str; 5] = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];
        let found = names.iter().find(same).copied();
        found.ok_or_else(|| {
            wrong("backbone", "ResNet-18, 34, 50, 101 or 152", &format!("{:?}", self.backbone.depths))
        })
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        self.backbone.validate()?;
        self.encoder.validate()?;
        self.decoder.validate()?;
        if self.decoder.width != self.encoder.width {
            let rule = format!("the encoder's ({})", self.encoder.width);
            return Err(wrong("decoder width", &rule, &self.decoder.width.to_string()));
        }
        if !self.encoder.width.is_multiple_of(4) {
            return Err(wrong("d_model", "a multiple of 4", &self.encoder.width.to_string()));
        }
        for (field, found, limit) in
            [("num_queries", self.num_queries, 65_536), ("num_labels", self.num_labels, 1 << 20)]
        {
            if found == 0 || found > limit {
                return Err(wrong(field, &format!("1 to {limit}"), &found.to_string()));
            }
        }
        Ok(())
    }

    /// A model without heads, with random weights.
    pub fn init(&self, device: &Device) -> Detr {
        Detr::new(self, device)
    }

    /// A model with its heads, with random weights.
    pub fn init_detector(&self, device: &Device) -> DetrDetector {
        DetrDetector::new(self, device)
    }
}

impl HuggingFace {
    fn backbone(&self) -> Result<ResNetConfig> {
        let Some(config) = self.backbone_config.clone().filter(|config| !config.is_null()) else {
            if self.use_timm_backbone == Some(false) {
                return Ok(ResNetConfig::resnet50().with_names(ResNetNames::Transformers));
            }
            let config = ResNetConfig::named(self.backbone.as_deref().unwrap_or("resnet50"))?;
            return Ok(config.with_num_channels(self.num_channels).with_dilate_last_stage(self.dilation));
        };
        if config.get("model_type").and_then(Value::as_str) != Some("timm_backbone") {
            // Only the last map is used.
            return Ok(ResNetConfig::from_value(config)?.with_output_stages(vec![4]));
        }
        let name = config.get("backbone").and_then(Value::as_str).unwrap_or("");
        let channels = config.get("num_channels").and_then(Value::as_u64).unwrap_or(3);
        let dilated = match config.get("output_stride").and_then(Value::as_u64) {
            None | Some(32) => false,
            Some(16) => true,
            Some(other) => return Err(wrong("output_stride", "16 or 32", &other.to_string())),
        };
        let channels = usize::try_from(channels).unwrap_or(usize::MAX);
        Ok(ResNetConfig::named(name)?.with_num_channels(channels).with_dilate_last_stage(dilated))
    }
}

fn wrong(field: &'static str, expected: &str, found: &str) -> Error {
    Error::Config { field, expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_configurations() {
        let published = r#"{"model_type": "detr", "backbone": "resnet101", "dilation": true, "use_timm_backbone": true,
            "backbone_config": null, "num_queries": 100, "id2label": {"0": "N/A", "1": "person"}}"#;
        let config = DetrConfig::from_hugging_face(published).unwrap();
        let backbone = ResNetConfig::resnet101().with_dilate_last_stage(true).with_frozen_batch_norm(true);
        assert_eq!(config, DetrConfig::new(backbone, 2));
        let default = DetrConfig::from_hugging_face(r#"{"model_type": "detr"}"#).unwrap();
        assert_eq!(default.backbone, ResNetConfig::resnet50().with_frozen_batch_norm(true));
        let newer = r#"{"model_type": "detr", "backbone_config": {"model_type": "timm_backbone", "backbone": "resnet18",
            "num_channels": 1, "output_stride": 16}}"#;
        let config = DetrConfig::from_hugging_face(newer).unwrap();
        let expected = ResNetConfig::resnet18().with_num_channels(1).with_dilate_last_stage(true);
        assert_eq!(config.backbone, expected.with_frozen_batch_norm(true));
    }

    #[test]
    fn written_and_read_again() {
        for names in [ResNetNames::Torchvision, ResNetNames::Transformers] {
            let backbone = ResNetConfig::resnet34().with_frozen_batch_norm(true).with_names(names);
            let config = DetrConfig::new(backbone, 7).with_num_queries(12);
            assert_eq!(DetrConfig::from_hugging_face(&config.to_hugging_face().unwrap()).unwrap(), config);
        }
        let dilated = ResNetConfig::resnet34().with_dilate_last_stage(true);
        let config = DetrConfig::new(dilated.clone().with_frozen_batch_norm(true), 7);
        assert_eq!(DetrConfig::from_hugging_face(&config.to_hugging_face().unwrap()).unwrap(), config);
        let impossible = DetrConfig::new(dilated.with_names(ResNetNames::Transformers), 7);
        assert!(matches!(impossible.to_hugging_face(), Err(Error::Config { field: "dilation", .. })));
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        for (field, value) in [
            ("model_type", r#""yolos""#),
            ("activation_function", r#""gelu""#),
            ("position_embedding_type", r#""learned""#),
            ("backbone", r#""swin""#),
            ("backbone_config", r#"{"model_type": "swin"}"#),
            ("backbone_config", r#"{"model_type": "timm_backbone"}"#),
            (
                "backbone_config",
                r#"{"model_type": "timm_backbone", "backbone": "resnet18", "output_stride": 8}"#,
            ),
            ("d_model", "0"),
            ("d_model", "250"),
            ("encoder_attention_heads", "7"),
            ("decoder_layers", "100000"),
            ("num_queries", "0"),
            ("num_channels", "0"),
            ("dropout", "1.0"),
            ("id2label", "{}"),
        ] {
            let json = format!(r#"{{"model_type": "detr", "{field}": {value}}}"#)
                .replace(r#""model_type": "detr", "model_type""#, r#""model_type""#);
            let result = DetrConfig::from_hugging_face(&json);
            assert!(matches!(result, Err(Error::Config { .. })), "{field} {value}: {result:?}");
        }
        assert!(matches!(DetrConfig::from_hugging_face("{"), Err(Error::ConfigSyntax { .. })));
        let mut config = DetrConfig::new(ResNetConfig::resnet18(), 2);
        config.decoder.width = 128;
        assert!(matches!(config.validate(), Err(Error::Config { field: "decoder width", .. })));
    }
}
