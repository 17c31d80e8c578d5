//! What a caller should know about a volume that was loaded all the same.

use std::fmt;
use std::path::PathBuf;

/// What is unusual about a series that was loaded: defects of the files, of which an ordinary series has none
/// ([`Report::is_clean`]), and facts about its values ([`varying_rescale`](Report::varying_rescale),
/// [`padding_voxels`](Report::padding_voxels), [`monochrome1`](Report::monochrome1)).
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Images left out because another one has their position.
    pub duplicates: Vec<Duplicate>,
    /// Slices that are not equally far apart.
    pub irregular_spacing: Option<IrregularSpacing>,
    /// Angle in degrees between the step from slice to slice and the slice normal, when above 0.1: gantry tilt. The volume's
    /// affine is sheared accordingly, so that positions are right.
    pub tilt_degrees: Option<f64>,
    /// Slices that went through a lossy compression at some time.
    pub lossy_slices: usize,
    /// Whether slices differ in rescale slope or intercept (usual in PET). Each was rescaled by its own.
    pub varying_rescale: bool,
    /// Voxels that are padding, outside of what was imaged.
    pub padding_voxels: u64,
    /// Whether low values are meant to be shown bright. Values are as stored and rescaled, not inverted.
    pub monochrome1: bool,
    /// What the files do not say.
    pub assumed: Vec<Assumption>,
}

impl Report {
    /// Whether there are no defects: no duplicates, no irregular spacing, no tilt, no lossy compression, nothing assumed.
    ///
    /// Padding, a rescale that varies and MONOCHROME1 are no defects: the values are right.
    pub fn is_clean(&self) -> bool {
        self.duplicates.is_empty()
            && self.irregular_spacing.is_none()
            && self.tilt_degrees.is_none()
            && self.lossy_slices == 0
            && self.assumed.is_empty()
    }
}

/// Images at one position of which one was kept.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Duplicate {
    /// Position along the slice normal in mm.
    pub position_mm: f64,
    /// The image that is in the volume: the first by InstanceNumber. A frame of a multi-frame file is `file/frames/3`, counted
    /// from 1.
    pub kept: PathBuf,
    /// The others.
    pub dropped: Vec<PathBuf>,
}

/// Slices that are not equally far apart.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct IrregularSpacing {
    /// The step of the volume in mm.
    pub step_mm: f64,
    /// Largest distance in mm between the position of a slice and the place that a regular grid would give it.
    pub largest_deviation_mm: f64,
    /// The slice where that is, counted from 0 along the normal among the slices of the volume: images left out as duplicates
    /// do not count. Where the volume was resampled, among its slices before that.
    pub slice: usize,
    /// Whether the volume was interpolated on a regular grid. If not, its slices are where the files have them only to within
    /// the deviation.
    pub resampled: bool,
}

/// Something that the files do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Assumption {
    /// A single slice has no neighbour: its extent is taken from SpacingBetweenSlices.
    SliceSpacingFromHeader,
    /// A single slice has no neighbour: its extent is taken from SliceThickness.
    SliceSpacingFromThickness,
    /// A single slice without either: 1 mm.
    SliceSpacing,
    /// PerFrameFunctionalGroupsSequence has more items than there are frames: the first items are taken to be theirs.
    FunctionalGroups,
    /// No ImagePositionPatient: the first pixel is at the origin.
    Position,
    /// No ImageOrientationPatient: rows run along +x and columns along +y.
    Orientation,
    /// No PixelSpacing, or one that is ImagerPixelSpacing uncalibrated: that was taken, the distance at the detector, larger than
    /// in the patient.
    ImagerPixelSpacing,
    /// As before, divided by EstimatedRadiographicMagnificationFactor: the distance in the patient, as far as the estimate holds.
    MagnificationFactor,
    /// Only NominalScannedPixelSpacing: the distance on the film.
    NominalScannedPixelSpacing,
    /// No distance of pixels at all: 1 mm.
    PixelSpacing,
}
impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SliceSpacingFromHeader => "a single slice: its extent is taken from SpacingBetweenSlices",
            Self::SliceSpacingFromThickness => "a single slice: its extent is taken from SliceThickness",
            Self::SliceSpacing => "a single slice without an extent: taken as 1 mm",
            Self::FunctionalGroups => "more functional groups than frames: the first are taken",
            Self::Position => "no ImagePositionPatient: the first pixel is taken to be at the origin",
            Self::Orientation => "no ImageOrientationPatient: rows are taken to run along +x, columns along +y",
            Self::ImagerPixelSpacing => "no PixelSpacing in the patient: ImagerPixelSpacing is taken",
            Self::MagnificationFactor => {
                "no PixelSpacing in the patient: ImagerPixelSpacing by EstimatedRadiographicMagnificationFactor is taken"
            }
            Self::NominalScannedPixelSpacing => "no PixelSpacing: NominalScannedPixelSpacing is taken",
            Self::PixelSpacing => "no distance of pixels: taken as 1 mm",
        })
    }
}
