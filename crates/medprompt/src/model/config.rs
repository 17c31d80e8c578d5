//! What a segmentation model is made of.

use burn::config::Config;
use burn::module::Module;
use burn::tensor::Device;
use mednn::SegformerConfig;

use super::adaptation::{Adaptation, PromptInput};
use super::backbone::{Backbone, BackboneConfig};
use super::decoder::{Decoder, TokenDecoder};
use super::detail::DetailConfig;
use super::segmentation_model::SegmentationModel;
use crate::error::{Error, Result, config};
use crate::prompts::PromptTokens;
use crate::superpixel::{ReadoutConfig, SuperpixelSource};

/// Mean of the red, green and blue of ImageNet, of values from 0 to 1.
pub const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of the red, green and blue of ImageNet.
pub const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

/// Backbone, adaptation and decoder of a [`SegmentationModel`].
///
/// Serialises to JSON; it is part of the files of trained weights.
#[derive(Config, Debug, PartialEq)]
pub struct SegmentationConfig {
    /// The backbone.
    pub backbone: BackboneConfig,
    /// What is trained beside the decoder.
    pub adaptation: Adaptation,
    /// Channels of the logits: 1 for foreground or not (sigmoid), more for classes with the background first (softmax).
    pub classes: usize,
    /// Width of the decoder: SegFormer's 256 for B0 and B1, 768 above.
    #[config(default = 256)]
    pub decoder_width: usize,
    /// Dropout before the classifier.
    #[config(default = 0.1)]
    pub dropout: f64,
    /// Subtracted from each channel of images from 0 to 1.
    #[config(default = "IMAGENET_MEAN")]
    pub image_mean: [f64; 3],
    /// Divides each channel.
    #[config(default = "IMAGENET_STD")]
    pub image_std: [f64; 3],
    /// Whether logits follow superpixels, and how.
    pub readout: Option<ReadoutConfig>,
    /// Whether hand-crafted features reach the logits at the resolution of the image, and which.
    pub detail: Option<DetailConfig>,
}

impl SegmentationConfig {
    /// Checks that the parts make a model.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Network`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        self.backbone.validate()?;
        self.adaptation.validate()?;
        if matches!(
            (&self.backbone, &self.adaptation),
            (BackboneConfig::Mit(_), Adaptation::PromptTokens { .. })
        ) {
            return Err(config(
                "adaptation",
                "no prompt tokens on a Mix Transformer: its tokens are a grid",
                "prompt_tokens",
            ));
        }
        if !(1..=65_535).contains(&self.classes) {
            return Err(config("classes", "1 to 65535", self.classes));
        }
        if !(1..=65_536).contains(&self.decoder_width) {
            return Err(config("decoder_width", "1 to 65536", self.decoder_width));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(config("dropout", "0 to below 1", self.dropout));
        }
        self.readout.as_ref().map_or(Ok(()), ReadoutConfig::validate)?;
        self.detail.as_ref().map_or(Ok(()), DetailConfig::validate)?;
        if self.image_mean.iter().any(|v| !v.is_finite()) {
            return Err(config("image_mean", "finite numbers", format!("{:?}", self.image_mean)));
        }
        if self.image_std.iter().any(|v| !(v.is_finite() && *v > 0.0)) {
            return Err(config("image_std", "positive numbers", format!("{:?}", self.image_std)));
        }
        Ok(())
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        // Numbers, strings and maps with string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Error::Syntax`], and as [`validate`](Self::validate).
    pub fn from_json(json: &str) -> Result<Self> {
        let what = || "the configuration of a segmentation model".to_string();
        let found: Self =
            serde_json::from_str(json).map_err(|source| Error::Syntax { what: what(), source })?;
        found.validate()?;
        Ok(found)
    }

    /// A model around a backbone; prompts and decoder begin at random.
    ///
    /// For training, backbone and `device` must be on an autodiff device. Unless the adaptation is [`Adaptation::Full`], the
    /// backbone's parameters are frozen here, and its dropout and stochastic depth switched off.
    ///
    /// # Errors
    /// As [`validate`](Self::validate); [`Error::Config`] when the backbone has other sizes.
    pub fn init(&self, backbone: Backbone, device: &Device) -> Result<SegmentationModel> {
        self.validate()?;
        if !backbone.fits(&self.backbone) {
            return Err(config("backbone", format!("{:?}", self.backbone), "a backbone of other sizes"));
        }
        let backbone = match &self.adaptation {
            Adaptation::Full => backbone,
            Adaptation::Lora(lora) => backbone.with_lora(lora),
            _ => backbone.freeze(),
        };
        let prompts = match (&self.adaptation, &self.backbone) {
            (Adaptation::VisualPrompts { prompts, .. }, BackboneConfig::Mit(mit)) => {
                Some(prompts.init_mit(mit, device)?)
            }
            (Adaptation::VisualPrompts { prompts, .. }, BackboneConfig::Vit(vit)) => {
                Some(prompts.init_vit(vit, device)?)
            }
            _ => None,
        };
        let tokens = match (&self.adaptation, &self.backbone) {
            (Adaptation::PromptTokens { count }, BackboneConfig::Vit(vit)) => {
                Some(PromptTokens::new(*count, vit.hidden_size, vit.num_hidden_layers, device))
            }
            _ => None,
        };
        let superpixels = match &self.adaptation {
            Adaptation::VisualPrompts {
                input: PromptInput::Superpixels(SuperpixelSource::Network(network)),
                ..
            } => Some(network.init(device)?),
            _ => None,
        };
        let decoder = self.decoder(device);
        let detail = self.detail.as_ref().map(|detail| detail.init(self.decoder_width, self.classes, device));
        let config = self.clone();
        Ok(SegmentationModel { backbone, prompts, tokens, superpixels, decoder, detail, config })
    }

    pub(super) fn decoder(&self, device: &Device) -> Decoder {
        match &self.backbone {
            BackboneConfig::Mit(mit) => {
                let segformer = SegformerConfig::new(mit.clone(), self.decoder_width, self.classes)
                    .with_classifier_dropout_prob(self.dropout);
                Decoder::Segformer(segformer.init(device).into_parts().1)
            }
            BackboneConfig::Vit(vit) => Decoder::Tokens(TokenDecoder::new(
                vit.hidden_size,
                self.decoder_width,
                self.classes,
                self.dropout,
                device,
            )),
        }
    }
}
