//! Colour.

use std::path::Path;

use medcore::Volume;

use super::datatype::DataType;
use super::file::NiftiFile;
use super::options::ReadOptions;
use super::report::Report;
use super::write::{check_grids, write_compound};
use super::write_options::{WriteOptions, WriteReport};
use crate::error::{Error, Result};

/// A volume in colour: one volume for each channel, all on one grid, 0 to 255.
#[derive(Debug, Clone, PartialEq)]
pub struct ColorVolume {
    /// Red.
    pub red: Volume<u8>,
    /// Green.
    pub green: Volume<u8>,
    /// Blue.
    pub blue: Volume<u8>,
    /// Opacity, of `NIFTI_TYPE_RGBA32` only.
    pub alpha: Option<Volume<u8>>,
}

/// Reads a volume of `NIFTI_TYPE_RGB24` or `NIFTI_TYPE_RGBA32`. Colour is never scaled (`nifti1.h`, "DATA SCALING").
///
/// # Errors
/// As [`read`](super::read()), and [`Error::Unsupported`] where the voxels are no colours.
pub fn read_color(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(ColorVolume, Report)> {
    let path = path.as_ref();
    let (bytes, geometry, report) = NiftiFile::open(path, options)?.load_colour()?;
    let channels = report.datatype.components();
    let channel = |index: usize| {
        let values = bytes.iter().skip(index).step_by(channels).copied().collect();
        Volume::from_vec(values, geometry).map_err(|source| Error::Geometry { path: path.into(), source })
    };
    let alpha = if channels == 4 { Some(channel(3)?) } else { None };
    Ok((ColorVolume { red: channel(0)?, green: channel(1)?, blue: channel(2)?, alpha }, report))
}

/// Writes a volume in colour as `NIFTI_TYPE_RGB24`, or with opacity as `NIFTI_TYPE_RGBA32`.
///
/// ```
/// # use medcore::{Geometry, Point3, Spacing, Volume};
/// use medio::nifti::{ColorVolume, ReadOptions, WriteOptions, read_color, write_color};
/// # let g = Geometry::axial([1, 1, 2], Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0))?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("color.nii.gz");
/// # let channel = |values: [u8; 2]| Volume::from_vec(values.to_vec(), g);
/// let color = ColorVolume { red: channel([1, 2])?, green: channel([3, 4])?, blue: channel([5, 6])?, alpha: None };
/// write_color(&path, &color, &WriteOptions::new())?;
/// assert_eq!(read_color(&path, &ReadOptions::new())?.0, color);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write_with`](super::write_with), and [`Error::Invalid`] for channels that do not lie on one grid and for options that
/// choose a type of numbers.
pub fn write_color(
    path: impl AsRef<Path>,
    color: &ColorVolume,
    options: &WriteOptions,
) -> Result<WriteReport> {
    let path = path.as_ref();
    let channels: Vec<&Volume<u8>> =
        [&color.red, &color.green, &color.blue].into_iter().chain(&color.alpha).collect();
    let geometry = color.red.geometry();
    check_grids(path, geometry, channels.iter().map(|c| c.geometry()))?;
    let count = channels.len();
    let mut bytes = vec![0; count * color.red.as_slice().len()];
    for (i, channel) in channels.into_iter().enumerate() {
        for (to, from) in bytes.iter_mut().skip(i).step_by(count).zip(channel.as_slice()) {
            *to = *from;
        }
    }
    let datatype = if count == 4 { DataType::Rgba32 } else { DataType::Rgb24 };
    write_compound(path, geometry, datatype, &bytes, options)
}
