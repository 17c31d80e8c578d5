//! DICOM series as volumes.
//!
//! [`scan`] reads the headers of a folder, and of the zip archives in it, and finds the volumes, each a [`Series`];
//! [`scan_bytes`] does so for files in memory. [`Series::load`] reads the pixels of a volume, [`Series::load_slices`] those of a
//! few slices. Nothing is dropped without a word: a file is in a series or in [`Study::skipped`], and what is unusual about a
//! series is an error or in its [`Report`], by the [`LoadOptions`].
//!
//! | reads | how |
//! |---|---|
//! | native pixels | implicit and explicit VR, little and big endian, deflated |
//! | RLE lossless | yes |
//! | JPEG baseline, extended (8 and 12 bits) and lossless (2 to 16 bits) | yes |
//! | JPEG-LS, lossless and near-lossless | yes |
//! | JPEG 2000, HTJ2K | with the feature `jpeg2000`, a default |
//! | JPEG XL, video (MPEG-2, H.264, H.265) | no |
//!
//! Pixels are integers of 1, 8, 16 or 32 bits, floats or doubles. Grey values are real ones (HU for CT):
//! `slope * stored + intercept`, or what the Modality LUT Sequence makes of them. [`Series::image`] reads single images,
//! [`Series::color_image`] RGB, planar or not, luminance with colour differences, and palettes; [`Series::display_image`] gives
//! what the file means to show.
//!
//! | images | as |
//! |---|---|
//! | one per file | [a volume](SeriesKind::Volume), or [a projection](SeriesKind::Projection) where they are not placed |
//! | enhanced CT, MR, PET and other frames in functional groups (PS3.3 C.7.6.16) | the volumes of the file, split as those of a series |
//! | the planes of an RT Dose (PS3.3 C.8.8.3) | a volume in the unit of the dose |
//! | ultrasound, angiography and other frames that are not placed | [a sequence](SeriesKind::Sequence) with its [times](Series::frame_times) |
//! | segmentations | [a series](SeriesKind::Segmentation) for each file, which [`Series::segmentation`] reads |
//!
//! A mosaic of Siemens MR scanners is a volume. Not read: the slices of nuclear medicine tomography as a volume (they are a
//! sequence), whole slide images as one image, raw data, waveforms, and the presentation states and registrations of others.
//!
//! Positions are LPS in mm, as the files have them (PS3.3 C.7.6.2).
//!
//! [`seg`] writes and reads segmentations, [`sr`] findings with boxes and measurements, [`derived`] writes volumes as new series:
//! all of them in the study and the frame of reference of the series that they come from.
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
mod color;
mod copies;
mod csa;
mod dataset;
pub mod derived;
mod elements;
mod file;
mod format;
mod fragments;
mod frame;
mod frame_times;
mod frames;
mod functional_groups;
mod grouping;
mod header;
mod image;
mod image_attributes;
mod image_ref;
mod job;
mod kind;
mod load;
mod location;
mod lut;
mod mosaic;
mod nuclear;
mod object;
mod options;
mod overlay;
mod palette;
mod pet;
mod philips;
mod pixels;
mod private;
mod report;
mod scan;
pub mod seg;
mod series;
mod source;
pub mod sr;
mod stack;
mod study;
mod suv;
mod text;
mod time;
mod value;
mod voi;
mod write;

pub use dicom_core::Tag;
pub use image_attributes::ImageAttributes;
pub use image_ref::ImageRef;
pub use kind::SeriesKind;
pub use options::{LoadOptions, Padding, Policy, Progress, ProgressFn, SpacingPolicy};
pub use overlay::Overlay;
pub use report::{Assumption, Duplicate, IrregularSpacing, Report};
pub use scan::{scan, scan_bytes, scan_bytes_with, scan_with};
pub use series::{Series, Split, SplitBy};
pub use study::{SkipReason, Skipped, Study};
pub use suv::SuvKind;
pub use write::{Code, NewSeries};
