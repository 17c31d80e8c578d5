//! How a model is trained.

use serde::{Deserialize, Serialize};

use super::augmentation::Augmentation;
use super::optimizer::ModelPart;
use crate::error::{Error, Result};

/// Rates, epochs and what is left as it is.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Learning rate of all but the encoders.
    pub fusion_rate: f64,
    /// Learning rate of the side of the image.
    pub vision_rate: f64,
    /// Learning rate of the text encoder.
    pub text_rate: f64,
    /// Weight decay of all.
    pub weight_decay: f64,
    /// Passes over the samples.
    pub epochs: usize,
    /// The epoch from which all rates are a tenth.
    pub drop_epoch: usize,
    /// Samples of a step.
    pub batch_size: usize,
    /// Seed of the order, the augmentation and the dropout.
    pub seed: u64,
    /// Leave the backbone as it is.
    pub freeze_vision: bool,
    /// Leave the text encoder as it is.
    pub freeze_text: bool,
    /// TransVG only: MedRPG's contrast of regions, with a weight that grows over the epochs.
    pub taco: bool,
    /// How images are varied.
    pub augmentation: Augmentation,
    /// In how many ways each sample is varied, in turn epoch after epoch; 0 for a new one in each epoch. With a frozen backbone,
    /// features of fixed views are computed once: see [`FeatureCacheOptions`](super::FeatureCacheOptions).
    #[serde(default)]
    pub fixed_views: usize,
}

impl Default for TrainingConfig {
    /// TransVG's: 1e-4 and 1e-5, weight decay 1e-4, 90 epochs, a tenth from epoch 60.
    fn default() -> Self {
        Self {
            fusion_rate: 1e-4,
            vision_rate: 1e-5,
            text_rate: 1e-5,
            weight_decay: 1e-4,
            epochs: 90,
            drop_epoch: 60,
            batch_size: 8,
            seed: 0,
            freeze_vision: false,
            freeze_text: false,
            taco: false,
            augmentation: Augmentation::default(),
            fixed_views: 0,
        }
    }
}

impl TrainingConfig {
    /// The learning rate of a part.
    pub const fn rate(&self, part: ModelPart) -> f64 {
        match part {
            ModelPart::Vision => self.vision_rate,
            ModelPart::Text => self.text_rate,
            ModelPart::Fusion => self.fusion_rate,
        }
    }

    /// What rates are multiplied by in an epoch.
    pub const fn factor(&self, epoch: usize) -> f64 {
        if epoch < self.drop_epoch { 1.0 } else { 0.1 }
    }

    /// Whether images come again as they were.
    pub(super) fn repeats_images(&self) -> bool {
        self.fixed_views > 0 || self.augmentation == Augmentation::none()
    }

    /// The view of an epoch, where images are varied in a fixed number of ways.
    pub(super) fn view(&self, epoch: usize) -> Option<usize> {
        (self.fixed_views > 0 && self.augmentation != Augmentation::none()).then(|| epoch % self.fixed_views)
    }

    /// Checks that the settings can be.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that cannot.
    pub fn validate(&self) -> Result<()> {
        let wrong = |field, expected: &str, found: String| {
            Err(Error::Config { field, expected: expected.to_string(), found })
        };
        for (field, value) in [
            ("fusion_rate", self.fusion_rate),
            ("vision_rate", self.vision_rate),
            ("text_rate", self.text_rate),
            ("weight_decay", self.weight_decay),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return wrong(field, "0 to 1", value.to_string());
            }
        }
        if self.batch_size == 0 {
            return wrong("batch_size", "at least 1", "0".to_string());
        }
        self.augmentation.validate()
    }
}
