//! Any of the models, as `config.json` names them.

use burn::tensor::Device;
use mednn::detr::DetrTransformerConfig;
use mednn::resnet::ResNetNames;
use mednn::text::TextConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cross_modal::CrossModalConfig;
use super::grounding::GroundingModel;
use crate::error::{Error, Result};
use crate::grounder::GeneralisedGrounderConfig;
use crate::mdetr::MdetrConfig;
use crate::transvg::TransVgConfig;
use crate::vision::VisionBackboneConfig;

/// The configuration of one of the models.
///
/// Its JSON (`config.json` of a model folder) names the model and holds the configurations of backbone and text encoder as
/// transformers writes them:
/// ```json
/// {"model_type": "transvg", "vision": {"model_type": "resnet", ...}, "text": {"model_type": "bert", ...},
///  "encoder": {...}, "fusion": {...}, "image_size": 640, "text_tokens": 20}
/// ```
/// The others are `mdetr` and `generalised_grounder`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum GroundingConfig {
    /// One box for each phrase.
    TransVg(TransVgConfig),
    /// Scored boxes, and the tokens they are of.
    Mdetr(MdetrConfig),
    /// No box, one or many.
    Generalised(GeneralisedGrounderConfig),
}

/// `config.json`.
#[derive(Serialize, Deserialize)]
struct File {
    model_type: String,
    vision: Value,
    text: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoder: Option<DetrTransformerConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fusion: Option<DetrTransformerConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoder: Option<DetrTransformerConfig>,
    image_size: usize,
    text_tokens: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    queries: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_slots: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alignment_width: Option<usize>,
}

impl GroundingConfig {
    /// From the text of a `config.json`.
    ///
    /// # Errors
    /// [`Error::Syntax`]; [`Error::Config`] and [`Error::Network`] for a part that is missing or cannot be.
    pub fn from_json(text: &str) -> Result<Self> {
        let syntax = |source| Error::Syntax { what: "config.json".to_string(), source };
        let file: File = serde_json::from_str(text).map_err(syntax)?;
        let config = match file.model_type.as_str() {
            "transvg" => Self::TransVg(TransVgConfig {
                vision: vision_from(&file.vision)?,
                text: TextConfig::from_hugging_face(&file.text.to_string())?,
                encoder: file.encoder,
                fusion: needed("fusion", file.fusion)?,
                image_size: file.image_size,
                text_tokens: file.text_tokens,
            }),
            "mdetr" => Self::Mdetr(MdetrConfig {
                token_slots: needed("token_slots", file.token_slots)?,
                alignment_width: needed("alignment_width", file.alignment_width)?,
                transformer: file.cross_modal()?,
            }),
            "generalised_grounder" => {
                Self::Generalised(GeneralisedGrounderConfig { transformer: file.cross_modal()? })
            }
            other => {
                return Err(Error::Config {
                    field: "model_type",
                    expected: "transvg, mdetr or generalised_grounder".to_string(),
                    found: other.to_string(),
                });
            }
        };
        config.validate()?;
        Ok(config)
    }

    /// As the text of a `config.json`.
    ///
    /// # Errors
    /// [`Error::Syntax`] when a number cannot be written.
    pub fn to_json(&self) -> Result<String> {
        let syntax = |source| Error::Syntax { what: "config.json".to_string(), source };
        let file = match self {
            Self::TransVg(config) => File {
                encoder: config.encoder.clone(),
                fusion: Some(config.fusion.clone()),
                decoder: None,
                queries: None,
                ..File::of("transvg", &config.vision, &config.text, config.image_size, config.text_tokens)
            },
            Self::Mdetr(config) => File {
                token_slots: Some(config.token_slots),
                alignment_width: Some(config.alignment_width),
                ..File::of_cross_modal("mdetr", &config.transformer)
            },
            Self::Generalised(config) => File::of_cross_modal("generalised_grounder", &config.transformer),
        };
        Ok(serde_json::to_string_pretty(&file).map_err(syntax)? + "\n")
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Network`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::TransVg(config) => config.validate(),
            Self::Mdetr(config) => config.validate(),
            Self::Generalised(config) => config.validate(),
        }
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> GroundingModel {
        match self {
            Self::TransVg(config) => GroundingModel::TransVg(config.init(device)),
            Self::Mdetr(config) => GroundingModel::Mdetr(config.init(device)),
            Self::Generalised(config) => GroundingModel::Generalised(config.init(device)),
        }
    }

    /// What sees the image.
    pub const fn vision(&self) -> &VisionBackboneConfig {
        match self {
            Self::TransVg(config) => &config.vision,
            Self::Mdetr(config) => &config.transformer.vision,
            Self::Generalised(config) => &config.transformer.vision,
        }
    }

    /// Side of the square in pixels.
    pub const fn image_size(&self) -> usize {
        match self {
            Self::TransVg(config) => config.image_size,
            Self::Mdetr(config) => config.transformer.image_size,
            Self::Generalised(config) => config.transformer.image_size,
        }
    }

    /// Tokens of a phrase, special ones included.
    pub const fn text_tokens(&self) -> usize {
        match self {
            Self::TransVg(config) => config.text_tokens,
            Self::Mdetr(config) => config.transformer.text_tokens,
            Self::Generalised(config) => config.transformer.text_tokens,
        }
    }

    /// The length that phrases are padded to: TransVG has a place for each of its tokens, the others take any length.
    pub const fn padded_length(&self) -> Option<usize> {
        match self {
            Self::TransVg(config) => Some(config.text_tokens),
            Self::Mdetr(_) | Self::Generalised(_) => None,
        }
    }
}

impl File {
    fn of(
        model_type: &str,
        vision: &VisionBackboneConfig,
        text: &TextConfig,
        image_size: usize,
        text_tokens: usize,
    ) -> Self {
        let value = |text: String| serde_json::from_str(&text).unwrap_or_default();
        let mut seen: Value = value(vision.to_hugging_face());
        if let (VisionBackboneConfig::ResNet(resnet), Some(fields)) = (vision, seen.as_object_mut()) {
            // What transformers' configuration of a ResNet cannot say.
            fields.insert("dilation".to_string(), resnet.dilate_last_stage.into());
            fields.insert("weight_names".to_string(), names(resnet.names).into());
        }
        Self {
            model_type: model_type.to_string(),
            vision: seen,
            text: value(text.to_hugging_face()),
            encoder: None,
            fusion: None,
            decoder: None,
            image_size,
            text_tokens,
            queries: None,
            token_slots: None,
            alignment_width: None,
        }
    }

    fn of_cross_modal(model_type: &str, config: &CrossModalConfig) -> Self {
        Self {
            encoder: Some(config.encoder.clone()),
            decoder: Some(config.decoder.clone()),
            queries: Some(config.queries),
            ..Self::of(model_type, &config.vision, &config.text, config.image_size, config.text_tokens)
        }
    }

    fn cross_modal(self) -> Result<CrossModalConfig> {
        Ok(CrossModalConfig {
            vision: vision_from(&self.vision)?,
            text: TextConfig::from_hugging_face(&self.text.to_string())?,
            encoder: needed("encoder", self.encoder)?,
            decoder: needed("decoder", self.decoder)?,
            queries: needed("queries", self.queries)?,
            image_size: self.image_size,
            text_tokens: self.text_tokens,
        })
    }
}

fn needed<T>(field: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::Config { field, expected: "a value".to_string(), found: "none".to_string() })
}

const fn names(names: ResNetNames) -> &'static str {
    match names {
        ResNetNames::Transformers => "transformers",
        _ => "torchvision",
    }
}

fn vision_from(value: &Value) -> Result<VisionBackboneConfig> {
    let config = VisionBackboneConfig::from_hugging_face(&value.to_string())?;
    let VisionBackboneConfig::ResNet(mut resnet) = config else { return Ok(config) };
    if value.get("weight_names").and_then(Value::as_str) == Some("torchvision") {
        resnet.names = ResNetNames::Torchvision;
    }
    resnet.dilate_last_stage = value.get("dilation").and_then(Value::as_bool) == Some(true);
    Ok(VisionBackboneConfig::ResNet(resnet))
}
