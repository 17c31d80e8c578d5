//! NIfTI-1, NIfTI-2 and ANALYZE 7.5: volumes in `.nii` and `.nii.gz` files and `.hdr`/`.img` pairs.
//!
//! | task | function |
//! |---|---|
//! | intensities, scaled to their units | [`read`], or [`read_as`] in another number type |
//! | a segmentation | [`read_labels`], [`write_labels`] |
//! | choices, and what was odd about the file | [`read_with`] ([`ReadOptions`], [`Report`]) |
//! | several volumes, as in time series | [`read_series`], [`write_series`] |
//! | a slice, a region, one volume of many | [`open`], [`NiftiFile`] |
//! | colour | [`read_color`], [`write_color`] |
//! | complex numbers | [`ReadOptions::complex`], [`write_complex`] |
//! | without a file system | [`from_bytes`], [`NiftiFile::from_pair_bytes`] |
//! | writing | [`write()`], [`write_with`] ([`WriteOptions`]) |
//!
//! ```no_run
//! let ct = medio::nifti::read("ct.nii.gz")?;
//! println!("{:?} voxels, {}, spacing {:?}", ct.size(), ct.orientation(), ct.spacing());
//! medio::nifti::write("copy.nii.gz", &ct)?;
//! # Ok::<(), medio::Error>(())
//! ```
//!
//! # Axes
//! NIfTI stores the first index fastest and places voxel centres in RAS. A [`Volume`](medcore::Volume) is `[slice, row,
//! column]` in LPS: the file's first index becomes the column, the second the row, the third the slice, so no voxel
//! is moved, and the affine has its x and y negated. [`Geometry::voxel_to_ras`](medcore::Geometry::voxel_to_ras) gives
//! the file's own affine back.
//!
//! # Placement
//! The standard (`nifti1.h`, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE") has three methods and no order among them:
//!
//! 1. neither form: `pixdim` only. There is no orientation; like nibabel, the reader then takes the columns to run from
//!    right to left, rows and slices along +y and +z of RAS, and puts the centre of the grid at 0. [`Transform::Pixdim`] in
//!    the [`Report`] says that left and right are not known.
//! 2. `qform_code > 0`: quaternion, `pixdim` and offset. `pixdim[0]` (qfac) below 0 means -1, anything else 1, as in the
//!    reference library; a quaternion longer than 1 is normalised.
//! 3. `sform_code > 0`: the affine as it stands, `pixdim` unused.
//!
//! By default the sform comes before the qform ([`TransformPrecedence`]). Where both exist the report says how far apart
//! they are. Spatial units other than millimetres (`xyzt_units`) are converted; files without units are in mm.
//!
//! # Values
//! `slope * stored + inter`, computed in `f64`, where the slope is finite and not 0 and the intercept is finite; the stored
//! value otherwise. Integers that are read as integers without scaling are exact or saturate, also with 64 bits.
//!
//! # Two files
//! `.hdr` and `.img`, compressed or not, are found from either name. A header without magic is ANALYZE 7.5. It has no orientation;
//! as nibabel and SPM2 do, the reader takes columns to run from right to left, and SPM's origin and scaling where they are there.
//! A `.mat` file beside it is not read. [`Version::Analyze75`] in the [`Report`] says so.
//!
//! # Not read
//! 1-bit and 128-bit numbers are [`Error::Unsupported`](crate::Error::Unsupported). Complex numbers are read by the part that
//! [`ReadOptions::complex`] names.

mod affine;
mod color;
mod complex;
mod datatype;
mod encode;
mod extension;
mod extents;
mod file;
mod header;
mod labels;
mod options;
mod pair;
mod quaternion;
mod read;
mod report;
mod series;
mod storage;
mod time;
mod write;
mod write_options;

pub use color::{ColorVolume, read_color, write_color};
pub use complex::write_complex;
pub use datatype::DataType;
pub use extension::Extension;
pub use file::{NiftiFile, open};
pub use labels::{read_labels, write_labels};
pub use options::{ComplexPart, ReadOptions, TransformPrecedence};
pub use read::{from_bytes, read, read_as, read_with};
pub use report::{Note, Report, Transform, Version};
pub use series::{VolumeSeries, read_series};
pub use time::{TimeAxis, TimeUnit};
pub use write::{write, write_series, write_with};
pub use write_options::{WriteOptions, WriteReport};
