//! Medical image files as [`medcore`] volumes.
//!
//! | format | reads | writes |
//! |---|---|---|
//! | [`dicom`] | series, multi-frame files, single images, segmentations, measurement reports | segmentations, measurement reports, derived series |
//! | [`nifti`] | NIfTI-1, NIfTI-2, ANALYZE 7.5: `.nii`, `.hdr`/`.img`, compressed or not | NIfTI-1, NIfTI-2 |
//! | [`metaimage`] | `.mha`, `.mhd` with data files | `.mha`, `.mhd` |
//! | [`nrrd`] | `.nrrd`, `.nhdr` with data files, `.seg.nrrd` | `.nrrd`, `.nhdr`, `.seg.nrrd` |
//!
//! [`read`] and [`write()`] know all of these:
//!
//! ```no_run
//! let ct = medio::read("study/")?;
//! medio::write("ct.nii.gz", &ct)?;
//! # Ok::<(), medio::Error>(())
//! ```
//!
//! What a file holds is told by its content, not by its name. Nothing is allocated on the word of a header: sizes are checked
//! against the bytes that are there first.

pub mod dicom;
mod error;
pub mod metaimage;
pub mod nifti;
pub mod nrrd;
mod open;
mod stored;

pub use error::{Error, Result};
pub use open::{Format, read, read_labels, write, write_labels};
pub use stored::{ByteOrder, NumberType, Scaling};
