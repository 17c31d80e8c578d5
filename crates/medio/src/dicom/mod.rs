//! DICOM series as volumes.
//!
//! [`scan`] reads the headers of a folder and finds the volumes in it, each a [`Series`]; [`Series::load`] reads the pixels
//! of one. Nothing is dropped without a word: a file is in a series or in [`Study::skipped`], and what is unusual about a
//! series is an error or in its [`Report`], by the [`LoadOptions`].
//!
//! | reads | how |
//! |---|---|
//! | native pixels | implicit and explicit VR, little and big endian, deflated |
//! | RLE lossless | yes |
//! | JPEG baseline and extended (8 bits), lossless | yes |
//! | JPEG 2000 | with the feature `jpeg2000` |
//! | JPEG-LS, JPEG XL, 12-bit lossy JPEG | no |
//!
//! Grey images of 8 or 16 bits allocated, one per file. Values are real ones (HU for CT): `slope * stored + intercept`.
//! Positions are LPS in mm, as the files have them (PS3.3 C.7.6.2).
//!
//! ```no_run
//! let study = medio::dicom::scan("study/")?;
//! for skipped in study.skipped() {
//!     eprintln!("{}: {}", skipped.path.display(), skipped.reason);
//! }
//! let (volume, report) = study[0].load()?;
//! println!("{:?} at {:?} mm", volume.size(), volume.spacing());
//! if !report.is_clean() {
//!     eprintln!("{report:?}");
//! }
//! # Ok::<(), medio::Error>(())
//! ```

mod archive;
mod attributes;
mod codec;
mod copies;
#[allow(dead_code, reason = "for readers of other objects")]
mod dataset;
#[allow(dead_code, reason = "for readers of other objects")]
mod elements;
mod file;
mod frame_times;
mod frames;
mod functional_groups;
mod grouping;
#[allow(dead_code, reason = "for readers of other objects")]
mod header;
mod image_attributes;
mod image_ref;
mod job;
mod kind;
mod load;
#[allow(dead_code, reason = "for readers of other objects")]
mod location;
mod options;
mod pet;
mod philips;
mod pixels;
mod private;
mod report;
mod scan;
mod series;
mod source;
mod stack;
mod study;
mod suv;
mod text;
mod time;
#[allow(dead_code, reason = "for readers of other objects")]
mod value;

pub use dicom_core::Tag;
pub use image_attributes::ImageAttributes;
pub use image_ref::ImageRef;
pub use kind::SeriesKind;
pub use options::{LoadOptions, Padding, Policy, Progress, ProgressFn, SpacingPolicy};
pub use report::{Assumption, Duplicate, IrregularSpacing, Report};
pub use scan::{scan, scan_bytes, scan_bytes_with, scan_with};
pub use series::{Series, Split, SplitBy};
pub use study::{SkipReason, Skipped, Study};
pub use suv::SuvKind;
