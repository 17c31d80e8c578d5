//! What TransVG is made of.

use burn::tensor::Device;
use mednn::detr::DetrTransformerConfig;
use mednn::text::TextConfig;

use super::model::TransVg;
use crate::error::{Error, Result};
use crate::vision::VisionBackboneConfig;

/// Sizes of a [`TransVg`].
#[derive(Debug, Clone, PartialEq)]
pub struct TransVgConfig {
    /// What sees the image.
    pub vision: VisionBackboneConfig,
    /// What reads the phrase.
    pub text: TextConfig,
    /// DETR's encoder over the tokens of the image, if any.
    pub encoder: Option<DetrTransformerConfig>,
    /// The encoder over regression token, text and image.
    pub fusion: DetrTransformerConfig,
    /// Side of the square in pixels.
    pub image_size: usize,
    /// Tokens of a phrase, special ones included.
    pub text_tokens: usize,
}

impl TransVgConfig {
    /// The published sizes around a backbone and a text encoder: 640 pixels, 20 tokens, width 256, 6 layers; DETR's encoder
    /// unless the backbone is a transformer.
    pub fn new(vision: VisionBackboneConfig, text: TextConfig) -> Self {
        // The paper's code drops attention weights and inner activations too.
        let layers = DetrTransformerConfig::new().with_attention_dropout(0.1).with_activation_dropout(0.1);
        let encoder = (!vision.is_transformer()).then(|| layers.clone());
        Self { vision, text, encoder, fusion: layers, image_size: 640, text_tokens: 20 }
    }

    /// Tokens of an image.
    pub const fn image_tokens(&self) -> usize {
        let side = self.image_size / self.vision.stride();
        side * side
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Network`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        self.vision.validate()?;
        self.fusion.validate()?;
        if let Some(encoder) = &self.encoder {
            encoder.validate()?;
        }
        let stride = self.vision.stride();
        let wrong = |field, expected: String, found: usize| {
            Err(Error::Config { field, expected, found: found.to_string() })
        };
        if self.image_size == 0 || self.image_size > 1 << 13 || !self.image_size.is_multiple_of(stride) {
            return wrong("image_size", format!("a multiple of {stride} up to 8192"), self.image_size);
        }
        if !(3..=512).contains(&self.text_tokens) {
            return wrong("text_tokens", "3 to 512".to_string(), self.text_tokens);
        }
        if !self.fusion.width.is_multiple_of(4) {
            return wrong("fusion.width", "a multiple of 4".to_string(), self.fusion.width);
        }
        match &self.encoder {
            Some(encoder) if !encoder.width.is_multiple_of(4) => {
                wrong("encoder.width", "a multiple of 4".to_string(), encoder.width)
            }
            _ => Ok(()),
        }
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> TransVg {
        TransVg::new(self, device)
    }
}
