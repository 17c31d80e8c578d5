//! A backbone, a way to adapt it, and a decoder.

mod adaptation;
mod backbone;
mod config;
mod decoder;
mod segformer_folder;
mod segmentation_model;
mod weights;

pub use adaptation::{Adaptation, LoraConfig, PromptInput};
pub use backbone::{Backbone, BackboneConfig};
pub use config::{IMAGENET_MEAN, IMAGENET_STD, SegmentationConfig};
pub use decoder::{Decoder, TokenDecoder};
pub use segmentation_model::SegmentationModel;
pub use weights::TrainedWeights;

pub(crate) use weights::{OPTIMIZER, ParameterPath, Stored, write_whole};
