//! A backbone, a way to adapt it, and a decoder.

mod adaptation;
mod adapted_backbone;
mod backbone;
mod config;
mod decoder;
mod detail;
mod multi_task;
mod multi_task_weights;
mod segformer_folder;
mod segmentation_model;
mod weights;

pub use adaptation::{Adaptation, LoraConfig, PromptInput};
pub use backbone::{Backbone, BackboneConfig};
pub use config::{IMAGENET_MEAN, IMAGENET_STD, SegmentationConfig};
pub use decoder::{Decoder, TokenDecoder};
pub use detail::{DetailConfig, DetailHead};
pub use multi_task::{MultiTaskConfig, MultiTaskModel, TaskConfig};
pub use multi_task_weights::MultiTaskWeights;
pub use segmentation_model::SegmentationModel;
pub use weights::TrainedWeights;

pub(crate) use weights::{OPTIMIZER, Stored, write_whole};
