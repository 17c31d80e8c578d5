//! NIfTI-1 and NIfTI-2: volumes in a single `.nii` or `.nii.gz` file.
//!
//! | task | function |
//! |---|---|
//! | intensities, scaled to their units | [`read`], or [`read_as`] in another number type |
//! | a segmentation | [`read_labels`], [`write_labels`] |
//! | choices, and what was odd about the file | [`read_with`] ([`ReadOptions`], [`Report`]) |
//! | without a file system | [`from_bytes`] |
//! | writing | [`write()`] |
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
//! # Not read
//! `.hdr`/`.img` pairs, ANALYZE 7.5, complex, colour, 1-bit and 128-bit data are [`Error::Unsupported`](crate::Error::Unsupported).

mod affine;
mod datatype;
mod header;
mod labels;
mod options;
mod quaternion;
mod read;
mod report;
mod write;

pub use datatype::DataType;
pub use labels::{read_labels, write_labels};
pub use options::{ReadOptions, TransformPrecedence};
pub use read::{from_bytes, read, read_as, read_with};
pub use report::{Note, Report, Transform, Version};
pub use write::write;
