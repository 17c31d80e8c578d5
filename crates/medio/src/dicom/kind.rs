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
    /// A segmentation, all of its file: [`Series::segmentation`](super::Series::segmentation) reads it.
    /// [`Series::load`](super::Series::load) reads the mask (0 and 1) of a binary one of a single segment, and refuses others.
    Segmentation,
}

impl SeriesKind {
    pub(super) fn of(images: &[Header]) -> Self {
        if images.first().is_some_and(|header| header.is_segmentation()) {
            return Self::Segmentation;
        }
        match images {
            [only] if only.count > 1 => Self::Sequence,
            [only] if only.position.is_none() && !only.must_have_position() => Self::Projection,
            _ => Self::Volume,
        }
    }
}
