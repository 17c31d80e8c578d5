//! What the example binaries share.
//!
//! | concept | module |
//! |---|---|
//! | `--device` | [`device`] |
//! | a scan from a path of any kind | [`input`] |
//! | phrases to boxes in a radiograph: input, results, overlay, reports | [`ground`] |
//! | progress bars | [`progress`] |
//! | files of the repository that the examples start from | [`fixtures`] |
//! | images and masks from PNG and JPEG files | [`picture_file`] |
//! | PNG sheets: mosaics, captions, PCA pictures | [`picture`] |
//! | distilling a small encoder | [`distill`] |
//! | label maps: colours and volumes | [`labels`] |
//! | training phrase grounders | [`grounding`] |
//! | three orthogonal views | [`orthogonal`] |
//! | linear probes | [`probe`] |
//! | segmenting a picture or a scan | [`segment`] |
//! | training segmentation models | [`segmentation`] |
//! | the sheet of `embed` | [`sheet`] |
//! | a sidecar of BIDS | [`sidecar`] |
//! | text in columns | [`table`] |
//! | results as safetensors | [`tensors`] |

#[cfg(feature = "networks")]
pub mod device;
#[cfg(feature = "networks")]
pub mod distill;
mod error;
pub mod fixtures;
#[cfg(feature = "networks")]
pub mod ground;
#[cfg(feature = "networks")]
pub mod grounding;
pub mod input;
pub mod labels;
pub mod orthogonal;
pub mod picture;
pub mod picture_file;
#[cfg(feature = "networks")]
pub mod probe;
pub mod progress;
#[cfg(feature = "networks")]
pub mod segment;
#[cfg(feature = "networks")]
pub mod segmentation;
#[cfg(feature = "networks")]
pub mod sheet;
pub mod sidecar;
pub mod table;
pub mod tensors;

pub use error::{Error, Result, exit};
