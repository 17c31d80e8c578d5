//! Colour.

use std::path::Path;

use medcore::Volume;

use super::file::NiftiFile;
use super::options::ReadOptions;
use super::report::Report;
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
