//! Several volumes on one grid.

use std::path::Path;

use medcore::{Geometry, Scalar, Volume};

use super::file::NiftiFile;
use super::options::ReadOptions;
use super::report::Report;
use super::time::TimeAxis;
use crate::error::{Error, Result};

/// Volumes on one grid: a time series, diffusion directions, the components of a field.
///
/// To read one volume at a time, see [`NiftiFile::read_volume`].
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeSeries<T> {
    volumes: Vec<Volume<T>>,
    further_extents: Vec<usize>,
    time: Option<TimeAxis>,
}

impl<T: Scalar> VolumeSeries<T> {
    /// Along the fourth axis, which `time` describes.
    ///
    /// # Errors
    /// [`medcore::Error::InvalidSize`] without volumes, [`medcore::Error::ShapeMismatch`] where two differ in size or by more than
    /// 1e-3 mm in place.
    pub fn new(volumes: Vec<Volume<T>>, time: Option<TimeAxis>) -> medcore::Result<Self> {
        let Some(first) = volumes.first() else {
            return Err(medcore::Error::InvalidSize { found: vec![0], reason: "a series without volumes" });
        };
        if let Some(other) = volumes.iter().find(|v| !v.geometry().is_close(first.geometry(), 1e-3)) {
            let (expected, found) = (first.size().to_vec(), other.size().to_vec());
            return Err(medcore::Error::ShapeMismatch { expected, found });
        }
        let further_extents = vec![volumes.len()];
        Ok(Self { volumes, further_extents, time })
    }

    /// The volumes, the fourth axis fastest.
    pub fn volumes(&self) -> &[Volume<T>] {
        &self.volumes
    }

    /// Gives up all but the volumes.
    pub fn into_volumes(self) -> Vec<Volume<T>> {
        self.volumes
    }

    /// Where the voxels of every volume are.
    pub fn geometry(&self) -> Option<&Geometry> {
        self.volumes.first().map(Volume::geometry)
    }

    /// Extents of the axes from the fourth on; their product is the number of volumes. None where the file has three axes.
    pub fn further_extents(&self) -> &[usize] {
        &self.further_extents
    }

    /// What the fourth axis stands for.
    pub const fn time(&self) -> Option<TimeAxis> {
        self.time
    }
}

/// Reads all volumes of a file of 3 to 7 dimensions in one pass, scaled, as numbers of type `T`.
///
/// # Errors
/// As [`read`](super::read()), but that any number of volumes will do. [`Error::Unsupported`] when the `volume` option is set.
pub fn read_series<T: Scalar>(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<(VolumeSeries<T>, Report)> {
    if let Some(volume) = options.volume {
        let (path, found) = (path.as_ref().into(), volume.to_string());
        return Err(Error::Unsupported { path, what: "a series with the `volume` option", found });
    }
    let file = NiftiFile::open(path, options)?;
    let (volumes, notes) = file.load_all()?;
    let mut report = file.report().clone();
    report.notes.extend(notes);
    let series = VolumeSeries { volumes, further_extents: report.further_extents.clone(), time: report.time };
    Ok((series, report))
}
