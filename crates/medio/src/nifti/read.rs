//! Reading files.

use std::path::Path;

use medcore::{Scalar, Volume};

use super::file::NiftiFile;
use super::options::ReadOptions;
use super::report::Report;
use crate::error::Result;

/// Reads a volume, scaled to its units, with the default [`ReadOptions`].
///
/// Of a `.hdr`/`.img` pair either name will do.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io); [`Error::Truncated`](crate::Error::Truncated) when the file ends early; [`Error::Invalid`](crate::Error::Invalid) when it is no NIfTI file or breaks a rule;
/// [`Error::Unsupported`](crate::Error::Unsupported) for what this crate does not read as it is asked: several volumes without a choice among them,
/// complex numbers without a choice of their part, colour; [`Error::Geometry`](crate::Error::Geometry) when no transform has an inverse and is finite.
pub fn read(path: impl AsRef<Path>) -> Result<Volume<f32>> {
    read_as(path)
}

/// Reads a volume as numbers of type `T`.
///
/// Values are scaled in `f64` first and then converted as [`Scalar`] does: integers round to nearest and saturate. Without
/// scaling, integers stay exact where they fit.
///
/// # Errors
/// As [`read`].
pub fn read_as<T: Scalar>(path: impl AsRef<Path>) -> Result<Volume<T>> {
    Ok(read_with(path, &ReadOptions::default())?.0)
}

/// Reads a volume as numbers of type `T`, with choices, and tells what the file was like.
///
/// # Errors
/// As [`read`].
pub fn read_with<T: Scalar>(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(Volume<T>, Report)> {
    NiftiFile::open(path, options)?.load()
}

/// Reads a volume from the bytes of a file, compressed or not.
///
/// ```
/// # use medcore::{Geometry, Point3, Spacing, Volume};
/// # let g = Geometry::axial([1, 2, 2], Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0))?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tiny.nii");
/// # medio::nifti::write(&path, &Volume::from_vec(vec![1i16, 2, 3, -4], g)?)?;
/// use medio::nifti::{ReadOptions, from_bytes};
/// let bytes = std::fs::read(path)?;
/// let (volume, report) = from_bytes::<i16>(&bytes, &ReadOptions::default())?;
/// assert_eq!(volume.as_slice(), [1, 2, 3, -4]);
/// assert!(report.notes.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`read`], but for [`Error::Io`](crate::Error::Io).
pub fn from_bytes<T: Scalar>(bytes: &[u8], options: &ReadOptions) -> Result<(Volume<T>, Report)> {
    NiftiFile::from_bytes(bytes, options)?.load()
}
