//! Complex numbers.

use std::path::Path;

use medcore::{Scalar, Volume};

use super::datatype::DataType;
use super::write::{check_grids, write_compound};
use super::write_options::{WriteOptions, WriteReport};
use crate::error::{Error, Result};
use crate::stored::NumberType;

/// Writes complex voxels: of `f32` as `NIFTI_TYPE_COMPLEX64`, of `f64` as `NIFTI_TYPE_COMPLEX128`.
/// [`ReadOptions::complex`](super::ReadOptions::complex) reads a part of them.
///
/// ```
/// # use medcore::{Geometry, Point3, Spacing, Volume};
/// use medio::nifti::{ComplexPart, ReadOptions, WriteOptions, read_with, write_complex};
/// # let g = Geometry::axial([1, 1, 2], Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0))?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("complex.nii.gz");
/// # let (real, imaginary) = (Volume::from_vec(vec![3f32, 1.0], g)?, Volume::from_vec(vec![4f32, 0.0], g)?);
/// write_complex(&path, &real, &imaginary, &WriteOptions::new())?;
/// let (magnitude, _) = read_with::<f32>(&path, &ReadOptions::new().complex(ComplexPart::Magnitude))?;
/// assert_eq!(magnitude.as_slice(), [5.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write_with`](super::write_with); [`Error::Unsupported`] for parts that are neither `f32` nor `f64`; [`Error::Invalid`] for
/// parts that do not lie on one grid and for options that choose a type of numbers.
pub fn write_complex<T: Scalar>(
    path: impl AsRef<Path>,
    real: &Volume<T>,
    imaginary: &Volume<T>,
    options: &WriteOptions,
) -> Result<WriteReport> {
    let path = path.as_ref();
    let datatype = match NumberType::of::<T>() {
        NumberType::F32 => DataType::Complex64,
        NumberType::F64 => DataType::Complex128,
        other => {
            let found = format!("{other:?}");
            return Err(Error::Unsupported {
                path: path.into(),
                what: "complex numbers with parts of",
                found,
            });
        }
    };
    check_grids(path, real.geometry(), [imaginary.geometry()])?;
    let pairs: Vec<T> =
        real.as_slice().iter().zip(imaginary.as_slice()).flat_map(|(a, b)| [*a, *b]).collect();
    write_compound(path, real.geometry(), datatype, &pairs, options)
}
