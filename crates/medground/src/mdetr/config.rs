//! What MDETR is made of.

use burn::tensor::Device;
use mednn::text::TextConfig;

use super::model::Mdetr;
use crate::error::{Error, Result};
use crate::model::CrossModalConfig;
use crate::vision::VisionBackboneConfig;

/// Sizes of an [`Mdetr`].
#[derive(Debug, Clone, PartialEq)]
pub struct MdetrConfig {
    /// All but the heads.
    pub transformer: CrossModalConfig,
    /// Slots of the token head, without *no object*.
    pub token_slots: usize,
    /// Width of the alignment heads.
    pub alignment_width: usize,
}

impl MdetrConfig {
    /// The published sizes around a backbone and a text encoder: 100 queries, 255 slots, alignment in 64 dimensions.
    pub fn new(vision: VisionBackboneConfig, text: TextConfig) -> Self {
        let mut transformer = CrossModalConfig::new(vision, text, 100);
        transformer.text_tokens = 255;
        Self { transformer, token_slots: 255, alignment_width: 64 }
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Network`] with the field that does not.
    pub fn validate(&self) -> Result<()> {
        self.transformer.validate()?;
        let wrong = |field, expected: String, found: usize| {
            Err(Error::Config { field, expected, found: found.to_string() })
        };
        if self.token_slots < self.transformer.text_tokens || self.token_slots > 1 << 12 {
            let expected = format!("text_tokens ({}) to 4096", self.transformer.text_tokens);
            return wrong("token_slots", expected, self.token_slots);
        }
        if self.alignment_width == 0 || self.alignment_width > 1 << 12 {
            return wrong("alignment_width", "1 to 4096".to_string(), self.alignment_width);
        }
        Ok(())
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> Mdetr {
        Mdetr::new(self, device)
    }
}
