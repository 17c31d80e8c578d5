//! What the images of a series are together.

use super::header::Header;

/// What the images of a [`Series`](super::Series) are together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SeriesKind {
    /// Slices that are placed in the patient. [`Series::load`](super::Series::load) reads them, unless they are in colour.
    Volume,
    /// A single image that is not placed in the patient: a radiograph, a mammogram, a photograph, a still of ultrasound.
    /// [`Series::load`](super::Series::load) reads it as a volume of one slice, unless it is in colour.
    Projection,
    /// The frames of one file that are not placed in the patient: ultrasound, angiography, video.
    Sequence,
}

impl SeriesKind {
    pub(super) fn of(images: &[Header]) -> Self {
        match images {
            [only] if only.count > 1 => Self::Sequence,
            [only] if only.position.is_none() && !only.must_have_position() => Self::Projection,
            _ => Self::Volume,
        }
    }
}
