//! Slice-sequence 3D encoders: a 2D vision transformer on every slice, a sequence transformer over the slices.
//!
//! The shape of MS-VLM ("Read Like a Radiologist", arXiv 2412.13558, section 3): each slice becomes the class token of a 2D
//! encoder, the sequence of slices goes through a BERT-like transformer (the Z-former), and its outputs are pooled to
//! one embedding of the study. It takes any number of slices, and memory is bounded by a batch of slices, not by the study.
//!
//! ```no_run
//! use medslice::SliceSequenceEncoder;
//!
//! fn embed(volume: &medcore::Volume<f32>) -> medslice::Result<()> {
//!     let device = mednn::Backend::Flex.open()?;
//!     let encoder = SliceSequenceEncoder::from_pretrained("slice-ct-tiny/", device.device())?;
//!     let embedding = encoder.encode(volume)?;
//!     println!("{} numbers for the study, {} slices", embedding.study.len(), embedding.slices.nrows());
//!     Ok(())
//! }
//! ```
//!
//! Tensor-level parts: [`SliceSequenceModel`] (a burn module, also for training), [`SliceEncoder`] (what a 2D encoder must
//! offer), [`masked_modelling`] (how the sequence model is pre-trained).

mod config;
mod encoder;
mod error;
pub mod masked_modelling;
mod model;
mod output;
mod preprocess;
mod sequences;
mod slice_encoder;
mod weights;

pub use config::{Pooling, SliceSequenceConfig};
pub use encoder::{EncodeOptions, SliceBatch, SliceSequenceEncoder};
pub use error::{Error, Result};
pub use model::SliceSequenceModel;
pub use output::Embedding;
pub use preprocess::{Intensity, PreparedVolume, SlicePreprocessor};
pub use sequences::pad_sequences;
pub use slice_encoder::{SliceEncoder, SliceFeatures};
