//! Segmentations.

use std::path::Path;

use medcore::LabelMap;

use super::datatype::DataType;
use super::options::ReadOptions;
use super::read::Prepared;
use super::write::{INTENT_LABEL, write_with_intent};
use crate::error::{Error, Result};
use crate::stored::Source;

/// Reads a segmentation, whatever number type it is stored in. The labels have no names.
///
/// # Errors
/// As [`read`](super::read), and [`Error::Geometry`] with [`medcore::Error::InvalidLabel`] when a voxel, after scaling and in `f32`,
/// is not a whole number from 0 to 65 535.
pub fn read_labels(path: impl AsRef<Path>) -> Result<LabelMap> {
    let path = path.as_ref();
    let file = Prepared::new(Source::open(path)?, &ReadOptions::default())?;
    let fits = matches!(file.report.datatype, DataType::U8 | DataType::U16);
    if fits && file.report.scaling.is_none() {
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
    let volume = labels.volume();
    if volume.as_slice().iter().all(|&label| label <= u16::from(u8::MAX)) {
        write_with_intent(path.as_ref(), &volume.cast::<u8>(), INTENT_LABEL)
    } else {
        write_with_intent(path.as_ref(), volume, INTENT_LABEL)
    }
}
