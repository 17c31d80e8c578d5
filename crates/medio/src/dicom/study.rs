//! What a scan found.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;

use super::series::Series;

/// The series of a folder, and what was passed over. Dereferences to the series: `study[0]`, `study.iter()`.
#[derive(Debug, Clone)]
pub struct Study {
    series: Vec<Series>,
    skipped: Vec<Skipped>,
}

impl Study {
    pub(super) fn new(series: Vec<Series>, skipped: Vec<Skipped>) -> Self {
        Self { series, skipped }
    }

    /// The volumes that the files make up, by SeriesNumber, then SeriesInstanceUID.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The files that are in no series, and the folders that cannot be read, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

impl Deref for Study {
    type Target = [Series];
    fn deref(&self) -> &[Series] {
        &self.series
    }
}

/// A file, or a folder that cannot be read, that a scan passed over.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Skipped {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why a scan passed over a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It is no DICOM file, or one without preamble that does not look like one.
    NotDicom,
    /// It is a DICOMDIR: a list of files that the scan finds by itself.
    Directory,
    /// It has no pixels of whole numbers: a report, a plan, contours, a presentation state.
    NotAnImage,
    /// It holds several images (enhanced or ultrasound multi-frame), which this version does not read.
    MultiFrame {
        /// How many.
        frames: i64,
    },
    /// Its NumberOfFrames is there but is no positive number.
    FrameCount,
    /// It holds one image whose place and rescale are in functional groups (an enhanced object, PS3.3 C.7.6.16), which this
    /// version does not read.
    Enhanced,
    /// It holds a dose (RT Dose, PS3.3 C.8.8.3), scaled by DoseGridScaling, which this version does not read.
    Dose,
    /// It ends within its header.
    Truncated {
        /// Its length in bytes.
        length: u64,
    },
    /// Its header does not end within so many bytes, which no image needs: a claim that is not to be believed.
    HeaderTooLong {
        /// The most that a scan reads of a header, in bytes.
        limit: u64,
    },
    /// Its header breaks the encoding rules.
    Malformed {
        /// Where, in bytes from the start of the file (of its data set if that is deflated).
        offset: u64,
    },
    /// The operating system refused.
    Io(std::io::ErrorKind),
}

impl From<std::io::Error> for SkipReason {
    fn from(e: std::io::Error) -> Self {
        Self::Io(e.kind())
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDicom => write!(f, "not a DICOM file"),
            Self::Directory => write!(f, "a DICOMDIR"),
            Self::NotAnImage => write!(f, "no image"),
            Self::MultiFrame { frames } => write!(f, "{frames} frames, of which this version reads one"),
            Self::FrameCount => write!(f, "NumberOfFrames is not a positive number"),
            Self::Enhanced => {
                write!(f, "an enhanced object, whose functional groups this version does not read")
            }
            Self::Dose => write!(f, "a dose, which this version does not read"),
            Self::Truncated { length } => write!(f, "ends within its header, after {length} bytes"),
            Self::HeaderTooLong { limit } => write!(f, "header longer than {limit} bytes"),
            Self::Malformed { offset } => write!(f, "malformed header at byte {offset}"),
            Self::Io(kind) => write!(f, "{kind}"),
        }
    }
}
