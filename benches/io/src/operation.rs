//! What is timed. The only file here that calls `medio` and `medcore`.

use std::path::{Path, PathBuf};

use medcore::{Interpolation, Spacing, Volume};

use crate::error::{Error, Result};
use crate::output::Output;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A NIfTI file to a volume.
    Nifti,
    /// A NRRD file to a volume.
    Nrrd,
    /// A MetaImage file to a volume.
    MetaImage,
    /// A folder with one DICOM series to a volume, finding the series included.
    Dicom,
    /// A folder to the series in it, by headers only.
    Scan,
    /// A volume (of a NIfTI file that is read before) to voxels of 1 mm, linearly.
    Resample,
}

/// An operation and what it is to work on.
pub(crate) enum Prepared {
    /// Everything is timed, from the path on.
    Path(Operation, PathBuf),
    /// What the volume becomes is timed.
    Volume(Box<Volume<f32>>),
}

impl Operation {
    pub(crate) const ALL: [Self; 6] =
        [Self::Nifti, Self::Nrrd, Self::MetaImage, Self::Dicom, Self::Scan, Self::Resample];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nifti => "nifti",
            Self::Nrrd => "nrrd",
            Self::MetaImage => "metaimage",
            Self::Dicom => "dicom",
            Self::Scan => "scan",
            Self::Resample => "resample",
        }
    }

    /// # Errors
    /// [`Error::Operation`].
    pub(crate) fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|o| o.name() == name).ok_or_else(|| Error::Operation {
            expected: Self::ALL.map(Self::name).join(", "),
            found: name.to_string(),
        })
    }

    /// Does what is not to be timed.
    ///
    /// # Errors
    /// As `medio` has them.
    pub(crate) fn prepare(self, path: &Path) -> Result<Prepared> {
        Ok(match self {
            Self::Resample => Prepared::Volume(Box::new(medio::nifti::read(path)?)),
            _ => Prepared::Path(self, path.into()),
        })
    }
}

impl Prepared {
    /// Does what is to be timed.
    ///
    /// # Errors
    /// As `medio` and `medcore` have them; [`Error::SeriesCount`] and [`Error::Skipped`].
    pub(crate) fn run(&self) -> Result<Output> {
        match self {
            Self::Volume(volume) => {
                let fine = volume.resample(Spacing::isotropic(1.0), Interpolation::Linear)?;
                Ok(Output::Volume(Box::new(fine)))
            }
            Self::Path(Operation::Dicom, path) => Ok(Output::Volume(Box::new(series(path)?))),
            Self::Path(Operation::Scan, path) => Ok(Output::Series(scan(path)?)),
            Self::Path(Operation::Nrrd, path) => Ok(Output::Volume(Box::new(medio::nrrd::read(path)?))),
            Self::Path(Operation::MetaImage, path) => {
                Ok(Output::Volume(Box::new(medio::metaimage::read(path)?)))
            }
            Self::Path(Operation::Nifti | Operation::Resample, path) => {
                Ok(Output::Volume(Box::new(medio::nifti::read(path)?)))
            }
        }
    }
}

fn series(folder: &Path) -> Result<Volume<f32>> {
    let study = medio::dicom::scan(folder)?;
    match study.series() {
        [only] => Ok(only.load()?.0),
        several => Err(Error::SeriesCount { path: folder.into(), found: several.len() }),
    }
}

/// The file names of each series, in order.
fn scan(folder: &Path) -> Result<Vec<Vec<String>>> {
    let study = medio::dicom::scan(folder)?;
    if !study.skipped().is_empty() {
        return Err(Error::Skipped { path: folder.into(), found: study.skipped().len() });
    }
    let name = |path: &Path| path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    Ok(study.iter().map(|series| series.files().map(name).collect()).collect())
}
