//! Medical image files as [`medcore`] volumes.
//!
//! | format | reads | writes |
//! |---|---|---|
//! | [`dicom`] | series of CT, MR and PET slices | - |
//! | [`nifti`] | NIfTI-1 and NIfTI-2, `.nii`, `.nii.gz` | NIfTI-1 `.nii`, `.nii.gz` |
//! | [`nrrd`] | `.nrrd`, `.nhdr` with data files, `.seg.nrrd` | `.nrrd`, `.nhdr`, `.seg.nrrd` |
//!
//! What a file holds is told by its content, not by its name. Nothing is allocated on the word of a header:
//! sizes are checked against the bytes that are there first.

pub mod dicom;
mod error;
pub mod nifti;
pub mod nrrd;
mod stored;

pub use error::{Error, Result};
pub use stored::{ByteOrder, NumberType, Scaling};
