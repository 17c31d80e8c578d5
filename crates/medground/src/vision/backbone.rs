//! What sees the image.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use mednn::resnet::{ResNet, ResNetConfig};
use mednn::weights::KeyMap;
use mednn::{Vit, VitConfig};
use serde_json::Value;

use crate::error::{Error, Result};

/// The configuration of a [`VisionBackbone`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum VisionBackboneConfig {
    /// A residual network; its batch norms are frozen, as DETR has it.
    ResNet(ResNetConfig),
    /// A vision transformer.
    Vit(VitConfig),
}

/// One of the networks that make a map of an image.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one per model
pub enum VisionBackbone {
    /// A residual network: its last stage.
    ResNet(ResNet),
    /// A vision transformer: its patches.
    Vit(Vit),
}

impl VisionBackboneConfig {
    /// ResNet-50 with frozen batch norms under torchvision's names: TransVG's.
    pub fn resnet50() -> Self {
        Self::ResNet(ResNetConfig::resnet50().with_frozen_batch_norm(true))
    }

    /// ResNet-101 with frozen batch norms under torchvision's names: MDETR's.
    pub fn resnet101() -> Self {
        Self::ResNet(ResNetConfig::resnet101().with_frozen_batch_norm(true))
    }

    /// From the text of a `config.json` of transformers or timm.
    ///
    /// # Errors
    /// [`Error::Syntax`]; [`Error::Network`] for another model or sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self> {
        let syntax = |source| Error::Syntax { what: "the configuration of the backbone".to_string(), source };
        let fields: Value = serde_json::from_str(json).map_err(syntax)?;
        let model_type = fields.get("model_type").and_then(Value::as_str);
        if model_type == Some("resnet") || fields.get("architecture").is_some() {
            let config = ResNetConfig::from_hugging_face(json)?;
            return Ok(Self::ResNet(config.with_frozen_batch_norm(true).with_output_stages(vec![4])));
        }
        Ok(Self::Vit(VitConfig::from_hugging_face(json)?))
    }

    /// As the text of a `config.json`.
    pub fn to_hugging_face(&self) -> String {
        match self {
            Self::ResNet(config) => config.to_hugging_face(),
            Self::Vit(config) => config.to_hugging_face(),
        }
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Network`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::ResNet(config) => Ok(config.validate()?),
            Self::Vit(config) => Ok(config.validate()?),
        }
    }

    /// A network with random weights.
    pub fn init(&self, device: &Device) -> VisionBackbone {
        match self {
            Self::ResNet(config) => VisionBackbone::ResNet(config.init(device)),
            Self::Vit(config) => VisionBackbone::Vit(config.init(device)),
        }
    }

    /// The names under which weights are published.
    pub const fn key_map(&self) -> &'static KeyMap {
        match self {
            Self::ResNet(config) => config.key_map(),
            Self::Vit(config) => config.key_map(),
        }
    }

    /// Channels of the map.
    pub const fn width(&self) -> usize {
        match self {
            Self::ResNet(config) => config.hidden_sizes[3],
            Self::Vit(config) => config.hidden_size,
        }
    }

    /// Pixels that one token of the map covers, along each side.
    pub const fn stride(&self) -> usize {
        match self {
            Self::ResNet(config) if config.dilate_last_stage => 16,
            Self::ResNet(_) => 32,
            Self::Vit(config) => config.patch_size,
        }
    }

    /// Channels of the images.
    pub const fn channels(&self) -> usize {
        match self {
            Self::ResNet(config) => config.num_channels,
            Self::Vit(config) => config.num_channels,
        }
    }

    /// Whether the tokens of the map have looked at one another: then no further encoder is needed.
    pub const fn is_transformer(&self) -> bool {
        matches!(self, Self::Vit(_))
    }
}

impl VisionBackbone {
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`, with sides that are multiples of the stride
    /// - output: `[batch, width, height / stride, width / stride]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        match self {
            Self::ResNet(resnet) => resnet.forward(images).feature_map(),
            Self::Vit(vit) => vit.forward(images).feature_map(),
        }
    }

    /// Channels of the images.
    pub const fn channels(&self) -> usize {
        match self {
            Self::ResNet(resnet) => resnet.channels(),
            Self::Vit(vit) => vit.channels(),
        }
    }
}
