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

impl<'a> IntoIterator for &'a Study {
    type Item = &'a Series;
    type IntoIter = std::slice::Iter<'a, Series>;
    fn into_iter(self) -> Self::IntoIter {
        self.series.iter()
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
    /// Its NumberOfFrames is there but is no positive number.
    FrameCount,
    /// It is a copy of another file: the same instance, image number and place.
    SameInstance {
        /// The file that is in a series.
        of: PathBuf,
        /// Whether both are equally long. If not, one may be damaged, compressed or changed.
        same_length: bool,
    },
    /// It is a zip archive that is damaged or empty, or an entry that such an archive lists but does not hold.
    BrokenArchive,
    /// It is an entry of a zip archive that is encrypted, or compressed in another way than by deflate.
    ArchiveCompression,
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
            Self::FrameCount => write!(f, "NumberOfFrames is not a positive number"),
            Self::SameInstance { of, same_length } => {
                let length = if *same_length { "" } else { ", of another length" };
                write!(f, "the same instance as {}{length}", of.display())
            }
            Self::BrokenArchive => write!(f, "a zip archive that is damaged or empty"),
            Self::ArchiveCompression => write!(f, "encrypted, or compressed otherwise than by deflate"),
            Self::Truncated { length } => write!(f, "ends within its header, after {length} bytes"),
            Self::HeaderTooLong { limit } => write!(f, "header longer than {limit} bytes"),
            Self::Malformed { offset } => write!(f, "malformed header at byte {offset}"),
            Self::Io(kind) => write!(f, "{kind}"),
        }
    }
}
