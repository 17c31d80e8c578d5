//! Where a model comes from.

use std::path::PathBuf;

use burn::tensor::Device;
use medprompt::PromptSegmenter;

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
