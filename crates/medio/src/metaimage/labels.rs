//! Segmentations.

use std::path::Path;

use medcore::LabelMap;

use super::options::{ReadOptions, WriteOptions};
use super::read::Prepared;
use super::write::write_with;
use crate::error::{Error, Result};
use crate::stored::NumberType;

/// Reads a segmentation, whatever number type it is stored in. The labels have no names: the format has no place for them.
///
/// # Errors
/// As [`read`](super::read), and [`Error::Geometry`] with [`medcore::Error::InvalidLabel`] when a voxel, after scaling and in `f32`,
/// is not a whole number from 0 to 65 535.
pub fn read_labels(path: impl AsRef<Path>) -> Result<LabelMap> {
    let (path, options) = (path.as_ref(), ReadOptions::default());
    let file = Prepared::open(path, &options)?;
    let fits = matches!(file.report.number_type, NumberType::U8 | NumberType::U16);
    if fits && file.report.scaling.is_none() {
        return Ok(LabelMap::new(file.load(&options)?.0));
    }
    let volume = file.load(&options)?.0;
    LabelMap::from_volume(&volume).map_err(|source| Error::Geometry { path: path.into(), source })
}

/// Writes a segmentation, compressed, with 8 bits per voxel where the labels fit and 16 otherwise. The names of the labels are
/// not written.
///
/// # Errors
/// As [`write()`](super::write()).
pub fn write_labels(path: impl AsRef<Path>, labels: &LabelMap) -> Result<()> {
    let volume = labels.volume();
    if volume.as_slice().iter().all(|&label| label <= u16::from(u8::MAX)) {
        write_with(path, &volume.cast::<u8>(), &WriteOptions::default())
    } else {
        write_with(path, volume, &WriteOptions::default())
    }
}
