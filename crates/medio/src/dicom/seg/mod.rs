//! DICOM segmentations (PS3.3 A.51, C.8.20), written and read back.
//!
//! | stored as | writes | reads |
//! |---|---|---|
//! | masks of one bit, which may overlap (BINARY) | [`write()`], [`write_masks`] | yes |
//! | fractions of 8 bits (FRACTIONAL) | [`write_fractions`] | yes |
//! | labels of 8 or 16 bits (LABELMAP, Supplement 243) | [`write()`] with [`SegKind::LabelMap`] | yes |
//!
//! A scan finds segmentations as series of [`SeriesKind::Segmentation`](super::SeriesKind::Segmentation), which
//! [`Series::segmentation`](super::Series::segmentation) reads, from archives and memory too.
//!
//! Files are written uncompressed, explicit VR little endian; RLE and deflated ones are read too.
//!
//! ```no_run
//! use medio::dicom::{self, seg};
//! let study = dicom::scan("study/")?;
//! let (volume, _) = study[0].load()?;
//! let map = seg::read("organs.dcm")?.to_label_map()?;
//! // The file's grid may span fewer slices than the images do.
//! let on_images = map.resample_to(volume.geometry())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bits;
mod color;
mod grid;
mod object;
mod options;
mod organs;
mod read;
mod rle;
mod segment;
mod segmentation;
mod write;

pub(super) use object::LABEL_MAP_STORAGE;
pub use options::{SegKind, SegOptions};
pub use read::{read, read_bytes};
pub use segment::{Algorithm, Segment, Tracking};
pub use segmentation::{Content, Overlap, Segmentation};
pub use write::{write, write_fractions, write_masks};
