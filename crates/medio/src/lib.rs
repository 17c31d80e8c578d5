//! Medical image files as [`medcore`] volumes.
//!
//! | format | reads | writes |
//! |---|---|---|
//! | [`dicom`] | series of CT, MR and PET slices | - |
//! | [`nifti`] | NIfTI-1 and NIfTI-2, `.nii`, `.nii.gz` | NIfTI-1 `.nii`, `.nii.gz` |
//! | [`metaimage`] | `.mha`, `.mhd` with data files | `.mha`, `.mhd` |
//! | [`nrrd`] | `.nrrd`, `.nhdr` with data files, `.seg.nrrd` | `.nrrd`, `.nhdr`, `.seg.nrrd` |
//!
//! [`read`] and [`write()`] know all of these. What a file holds is told by its content, not by its name. Nothing is allocated on the word of a header:
//! sizes are checked against the bytes that are there first.

pub mod dicom;
mod error;
pub mod metaimage;
pub mod nifti;
pub mod nrrd;
mod open;
mod stored;

pub use error::{Error, Result};
pub use open::{Format, read, write};
pub use stored::{ByteOrder, NumberType, Scaling};
