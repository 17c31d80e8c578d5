//! Segmentations.

use std::path::Path;

use medcore::LabelMap;

use super::datatype::DataType;
use super::file::NiftiFile;
use super::options::ReadOptions;

use super::write::{INTENT_LABEL, write_with};
use super::write_options::WriteOptions;
use crate::error::{Error, Result};

/// Reads a segmentation, whatever number type it is stored in. The labels have no names.
///
/// # Errors
/// As [`read`](super::read), and [`Error::Geometry`] with [`medcore::Error::InvalidLabel`] when a voxel, after scaling and in `f32`,
/// is not a whole number from 0 to 65 535.
pub fn read_labels(path: impl AsRef<Path>) -> Result<LabelMap> {
    let path = path.as_ref();
    let file = NiftiFile::open(path, &ReadOptions::default())?;
    let fits = matches!(file.report().datatype, DataType::U8 | DataType::U16);
    if fits && file.report().scaling.is_none() {
        return Ok(LabelMap::new(file.load()?.0));
    }
    LabelMap::from_volume(&file.load()?.0).map_err(|source| Error::Geometry { path: path.into(), source })
}

/// Writes a segmentation, with 8 bits per voxel where the labels fit and 16 otherwise, and the intent `NIFTI_INTENT_LABEL`.
///
/// The names of the labels are not written.
///
/// # Errors
/// As [`write()`](super::write()).
pub fn write_labels(path: impl AsRef<Path>, labels: &LabelMap) -> Result<()> {
    let (volume, options) = (labels.volume(), WriteOptions::new().intent(INTENT_LABEL));
    if volume.as_slice().iter().all(|&label| label <= u16::from(u8::MAX)) {
        write_with(path, &volume.cast::<u8>(), &options)?;
    } else {
        write_with(path, volume, &options)?;
    }
    Ok(())
}
