//! What the generalised grounder is made of.

use burn::tensor::Device;
use mednn::text::TextConfig;

use super::model::GeneralisedGrounder;
use crate::error::Result;
use crate::model::CrossModalConfig;
use crate::vision::VisionBackboneConfig;

/// Sizes of a [`GeneralisedGrounder`].
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralisedGrounderConfig {
    /// All but the heads.
    pub transformer: CrossModalConfig,
}

impl GeneralisedGrounderConfig {
    /// Five queries around a backbone and a text encoder.
    pub fn new(vision: VisionBackboneConfig, text: TextConfig) -> Self {
        Self { transformer: CrossModalConfig::new(vision, text, 5) }
    }

    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// As [`CrossModalConfig::validate`].
    pub fn validate(&self) -> Result<()> {
        self.transformer.validate()
    }

    /// A model with random weights.
    pub fn init(&self, device: &Device) -> GeneralisedGrounder {
        GeneralisedGrounder::new(self, device)
    }
}
