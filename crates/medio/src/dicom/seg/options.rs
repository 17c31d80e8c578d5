//! How a segmentation is written.

use super::segment::Segment;
use crate::dicom::write::NewSeries;

/// How a label map is stored (PS3.3 C.8.20.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SegKind {
    /// A mask of one bit per voxel for each segment. Read everywhere. The standard numbers the segments 1, 2, 3, ...: other
    /// labels are renumbered, in their order.
    #[default]
    Binary,
    /// The labels themselves (Label Map Segmentation Storage, of 2024): 8 bits, or 16 where a label is above 255. Small
    /// and exact, labels keep their numbers, but older software does not read it.
    LabelMap,
}

/// How a segmentation is written.
///
/// ```
/// use medio::dicom::NewSeries;
/// use medio::dicom::seg::{SegKind, SegOptions, Segment};
/// let options = SegOptions::new()
///     .kind(SegKind::LabelMap)
///     .segment(Segment::named(1, "liver").color([180, 80, 60]))
///     .series(NewSeries::new("Organs").number(300));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegOptions {
    pub(super) kind: SegKind,
    pub(super) segments: Vec<Segment>,
    pub(super) series: NewSeries,
    pub(super) empty_frames: bool,
    pub(super) label: String,
}

impl Default for SegOptions {
    fn default() -> Self {
        Self {
            kind: SegKind::Binary,
            segments: Vec::new(),
            series: NewSeries::new("Segmentation"),
            empty_frames: false,
            label: "SEGMENTATION".to_string(),
        }
    }
}

impl SegOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// How a label map is stored. Default: [`SegKind::Binary`].
    #[must_use]
    pub fn kind(self, kind: SegKind) -> Self {
        Self { kind, ..self }
    }

    /// Describes a segment, whether its number occurs in the label map or not. Labels without a description are described by
    /// their name in the label map, or else by "Label 7".
    #[must_use]
    pub fn segment(mut self, segment: Segment) -> Self {
        self.segments.push(segment);
        self
    }

    /// The new series. Default: "Segmentation", number 1.
    #[must_use]
    pub fn series(self, series: NewSeries) -> Self {
        Self { series, ..self }
    }

    /// Whether frames without any voxel of a segment are written too. Default: no.
    #[must_use]
    pub fn empty_frames(self, keep: bool) -> Self {
        Self { empty_frames: keep, ..self }
    }

    /// ContentLabel: at most 16 capital letters, digits, spaces and underscores. Default: `SEGMENTATION`.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }
}
