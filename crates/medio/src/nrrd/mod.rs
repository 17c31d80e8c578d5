//! NRRD, teem's "nearly raw raster data": volumes in one `.nrrd` file, or a `.nhdr` header with data files.
//!
//! | task | function |
//! |---|---|
//! | intensities | [`read`], or [`read_as`] in another number type |
//! | a segmentation, 3D Slicer's `.seg.nrrd` too | [`read_labels`], [`write_labels`] |
//! | a segmentation with structures that overlap | [`read_segmentation`], [`write_segmentation`] |
//! | choices, and what else the header says | [`read_with`] ([`ReadOptions`], [`Report`]) |
//! | without a file system | [`from_bytes`] |
//! | writing | [`write()`], [`write_with`] ([`WriteOptions`]) |
//!
//! ```no_run
//! let ct = medio::nrrd::read("ct.nrrd")?;
//! println!("{:?} voxels, {}, spacing {:?}", ct.size(), ct.orientation(), ct.spacing());
//! medio::nrrd::write("copy.nrrd", &ct)?;
//! # Ok::<(), medio::Error>(())
//! ```
//!
//! The format is defined at <https://teem.sourceforge.net/nrrd/format.html>; sections named here are its own.
//!
//! # Axes
//! `sizes` go from the fastest axis to the slowest. The axes in space become column, row and slice of a
//! [`Volume`](medcore::Volume) in this order. They are those with a vector in `space directions`; without that field, those whose
//! kind is `domain`, `space` or not given. Other axes (components, colours, lists, times), before them or after them, count
//! volumes, of which [`ReadOptions::volume`] chooses one. Two axes in space make a volume of one slice, 1 mm thick where
//! nothing else is known.
//!
//! # Placement
//! `space directions` are the steps from voxel to voxel and `space origin` the centre of the first voxel, whatever the
//! centering. Coordinates in RAS and LAS are brought to LPS. Other spaces (`scanner-xyz`, `3D-right-handed`, none) are not tied
//! to the patient; like ITK, the reader takes them as LPS, and says so ([`Note::LpsAssumed`]). Without directions, `spacings`
//! (or `axis mins` and `axis maxs`) along the axes of LPS, the origin from `axis mins`, where these are the outer border of
//! the first cell or, for `node` centering, its centre. Units other than mm are converted; ITK passes over them.
//!
//! # Values
//! The stored numbers: the format has no scaling (`old min` and `old max` say what once was). Encodings are raw, gzip, text
//! and hex, in both byte orders. `line skip` comes before decompression and `byte skip` after it ("Detached headers").
//! A header is at most 16 MiB long.
//!
//! # Not read
//! Type `block`, encoding `bzip2` and `SKIPLIST` are [`Error::Unsupported`](crate::Error::Unsupported). Data files outside of the
//! header's folder are refused unless [`ReadOptions::data_anywhere`].

mod axes;
mod header;
mod options;
mod read;
mod report;
mod segmentation;
mod write;

pub use options::{ReadOptions, WriteOptions};
pub use read::{from_bytes, read, read_as, read_with};
pub use report::{Encoding, Note, Report, Space};
pub use segmentation::{
    Segment, Segmentation, read_labels, read_segmentation, write_labels, write_segmentation,
};
pub use write::{write, write_with};
