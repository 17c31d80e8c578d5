//! Where a model comes from.

use std::path::PathBuf;

use burn::tensor::Device;
use medprompt::{PromptSegmenter, TrainedWeights};

use crate::error::Result;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// The folder of a whole SegFormer.
    Segformer(PathBuf),
    /// The folder of a backbone, and the file of what was trained on it.
    Trained {
        /// With `config.json` and `model.safetensors`.
        backbone: PathBuf,
        /// Of [`medprompt::TrainedWeights`].
        trained: PathBuf,
    },
}

impl Weights {
    /// What should be known of them.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn note(&self) -> Result<Option<String>> {
        let Self::Trained { trained, .. } = self else { return Ok(None) };
        let silent = TrainedWeights::open(trained)?.usage().is_none();
        Ok(silent
            .then(|| "the weights do not say how images were prepared when they were trained".to_string()))
    }

    /// The model.
    ///
    /// # Errors
    /// [`Error::Segmentation`](crate::Error::Segmentation): a file is missing or damaged, weights do not fit, or were trained on another
    /// backbone.
    pub fn open(&self, device: &Device) -> Result<PromptSegmenter> {
        Ok(match self {
            Self::Segformer(folder) => PromptSegmenter::from_segformer(folder, device)?,
            Self::Trained { backbone, trained } => {
                PromptSegmenter::from_pretrained(backbone, trained, device)?
            }
        })
    }
}
