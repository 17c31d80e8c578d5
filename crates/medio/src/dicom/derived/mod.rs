//! Volumes as new DICOM series of single images (PS3.3 A.3, A.4, A.8).
//!
//! [`write_series`] puts a volume beside the series that it came from: the same patient, study and frame of reference.
//! [`write_study`] makes a new study of a volume that has none, such as one from NIfTI.
//!
//! Values are stored in 16 bits. Whole numbers that span at most 65 535 are stored exactly. Others are
//! rounded to the nearest of 65 536 steps from the smallest value to the largest, an error of at most half a step, that is
//! (largest - smallest) / 131 070; a reader that gives `f32` adds its own rounding to that.

mod options;
mod quantize;
mod write;

pub use options::{DerivedOptions, ImageClass, NewStudy};
pub use write::{write_series, write_study};
