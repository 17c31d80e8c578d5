//! MetaImage, ITK's own format: volumes in one `.mha` file, or a `.mhd` header with data files.
//!
//! | task | function |
//! |---|---|
//! | intensities | [`read`], or [`read_as`] in another number type |
//! | a segmentation | [`read_labels`], [`write_labels`] |
//! | choices, and what else the header says | [`read_with`] ([`ReadOptions`], [`Report`]) |
//! | without a file system | [`from_bytes`] |
//! | writing | [`write()`], [`write_with`] ([`WriteOptions`]) |
//!
//! ```no_run
//! let ct = medio::metaimage::read("ct.mha")?;
//! println!("{:?} voxels, {}, spacing {:?}", ct.size(), ct.orientation(), ct.spacing());
//! medio::metaimage::write("copy.mhd", &ct)?;
//! # Ok::<(), medio::Error>(())
//! ```
//!
//! The format is described at <https://itk.org/Wiki/ITK/MetaIO/Documentation>; where that leaves something open, what ITK does
//! counts.
//!
//! # Placement
//! `DimSize` goes from the fastest axis to the slowest: column, row, slice of a [`Volume`](medcore::Volume). Coordinates are LPS
//! in mm. Each row of `TransformMatrix` (also `Rotation`, `Orientation`) is the direction of one axis, a column of ITK's direction
//! matrix; `Offset` (also `Position`, `Origin`) is the centre of the first voxel. The step along an axis is its `ElementSpacing`,
//! or its `ElementSize` where there is no spacing. `CenterOfRotation` and `AnatomicalOrientation` place no voxel, in ITK as here:
//! they are in the [`Report`]. Two dimensions make a volume of one slice, 1 mm thick; a fourth counts volumes, as do components
//! (`ElementNumberOfChannels`), of which [`ReadOptions::volume`] chooses one.
//!
//! # Values
//! `ElementToIntensityFunctionSlope * stored + ElementToIntensityFunctionOffset`, as the format says. ITK and the programs built on
//! it pass over these two fields: [`Note::ScalingApplied`] tells, and [`ReadOptions::stored_values`] gives what they give.
//! Data is binary in either byte order, compressed (`CompressedData`: zlib or gzip) or not, or text. Field names are told
//! apart by case, as in ITK. A header is at most 16 MiB long.
//!
//! # Not read
//! Objects other than images, more than four dimensions and elements that are no numbers are
//! [`Error::Unsupported`](crate::Error::Unsupported). Data files outside of the header's folder are refused unless
//! [`ReadOptions::data_anywhere`].

mod header;
mod labels;
mod options;
mod read;
mod report;
mod write;

pub use labels::{read_labels, write_labels};
pub use options::{ReadOptions, WriteOptions};
pub use read::{from_bytes, read, read_as, read_with};
pub use report::{Note, Report};
pub use write::{write, write_with};
