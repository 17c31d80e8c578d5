//! What can go wrong with medical image files.

use std::path::PathBuf;

/// Result of the operations of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A file that could not be read or written.
///
/// Messages name files, tags and sizes, never the values of tags that identify a patient.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// The file ends before what its header promises.
    #[error("{}: truncated: {what} needs {expected} bytes, found {found}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Which part of the file.
        what: &'static str,
        /// Bytes needed.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// The file breaks its format's rules.
    #[error("{}: {what}: expected {expected}, found {found}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Which part of the file.
        what: &'static str,
        /// The rule.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The file may be fine, but this version does not read it.
    #[error("{}: not supported: {what} {found}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which feature of the format.
        what: &'static str,
        /// Its value in the file.
        found: String,
    },
    /// A file of no format that this crate reads.
    #[error("{}: none of DICOM (also in a zip archive), NIfTI (also in gzip), NRRD and MetaImage", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// DICOM files of several volumes, where one is asked for.
    #[error("{}: {} volumes instead of one: {}", path.display(), volumes.len(), first_of(volumes))]
    SeveralVolumes {
        /// The folder or the file.
        path: PathBuf,
        /// What they are: modality and numbers of series and files.
        volumes: Vec<String>,
    },
    /// The voxels and their place in the patient do not make a volume.
    #[error("{}: {source}", path.display())]
    Geometry {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        source: medcore::Error,
    },
    /// A folder without a DICOM image.
    #[error("{}: no DICOM images among {} files{}", path.display(), skipped.len(), first_reason(skipped))]
    NoImages {
        /// The folder, or the file.
        path: PathBuf,
        /// Each file, and why it is none.
        skipped: Vec<crate::dicom::Skipped>,
    },
    /// An attribute that the pixels or their place cannot do without.
    #[error("{}: {attribute} is missing or not readable", path.display())]
    MissingAttribute {
        /// The file.
        path: PathBuf,
        /// Its keyword in the DICOM standard.
        attribute: &'static str,
    },
    /// A compression that this build does not decode.
    #[error("{}: transfer syntax {name} ({uid}) is not supported{}", path.display(), hint(*feature))]
    UnsupportedTransferSyntax {
        /// The file.
        path: PathBuf,
        /// The transfer syntax UID.
        uid: String,
        /// Its name.
        name: String,
        /// The Cargo feature of this crate that reads it, if there is one.
        feature: Option<&'static str>,
    },
    /// Compressed pixels that cannot be decoded.
    #[error("{}: cannot decode {syntax}: {reason}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The transfer syntax.
        syntax: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// A DICOM series that does not make one volume of numbers.
    #[error("{}: expected a volume, found {found} (Series::image and Series::color_image read single images)", path.display())]
    NotAVolume {
        /// The first file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// Slices of a series are not equally far apart: one may be missing.
    #[error(
        "slices are not equally far apart: expected {expected_mm:.4} mm, found {found_mm:.4} mm from {} at {from_mm:.3} mm \
         to {} at {to_mm:.3} mm along the normal (LoadOptions::irregular_spacing accepts or resamples them)",
        path.display(), next.display()
    )]
    IrregularSpacing {
        /// The slice before the most unusual distance.
        path: PathBuf,
        /// The slice after it.
        next: PathBuf,
        /// The median distance of the series in mm.
        expected_mm: f64,
        /// The distance of these two in mm.
        found_mm: f64,
        /// Position of the first along the slice normal in mm.
        from_mm: f64,
        /// Position of the second along the slice normal in mm.
        to_mm: f64,
    },
    /// Two images of a series have one position.
    #[error(
        "two slices at {position_mm:.3} mm along the normal: {} and {} (LoadOptions::duplicates accepts the first)",
        path.display(), other.display()
    )]
    DuplicatePosition {
        /// The first of them by InstanceNumber.
        path: PathBuf,
        /// The next.
        other: PathBuf,
        /// Their position along the slice normal in mm.
        position_mm: f64,
    },
    /// Gantry tilt, where the caller rejects it.
    #[error("{}: slices are tilted by {degrees:.2} degrees", path.display())]
    Tilted {
        /// The first slice.
        path: PathBuf,
        /// Angle between the step from slice to slice and the slice normal.
        degrees: f64,
    },
    /// Lossy compression, where the caller rejects it.
    #[error("{}: pixels went through a lossy compression", path.display())]
    Lossy {
        /// The first such slice.
        path: PathBuf,
    },
    /// Segments of a segmentation that share a voxel, where the caller wants one label for each.
    #[error("{}: segments {first} and {second} overlap", path.display())]
    OverlappingSegments {
        /// The file.
        path: PathBuf,
        /// Number of the segment that has the voxel first.
        first: u16,
        /// Number of the other.
        second: u16,
    },
    /// The caller's callback asked to stop.
    #[error("{}: cancelled", path.display())]
    Cancelled {
        /// What was being read.
        path: PathBuf,
    },
}

fn first_reason(skipped: &[crate::dicom::Skipped]) -> String {
    skipped.first().map(|s| format!("; the first is skipped as: {}", s.reason)).unwrap_or_default()
}

/// The first few of a list.
fn first_of(volumes: &[String]) -> String {
    let shown: Vec<&str> = volumes.iter().take(8).map(String::as_str).collect();
    let more = volumes.len() - shown.len();
    if more > 0 { format!("{}; and {more} more", shown.join("; ")) } else { shown.join("; ") }
}

fn hint(feature: Option<&str>) -> String {
    feature.map(|f| format!(" without the feature \"{f}\" of medio")).unwrap_or_default()
}

impl Error {
    /// The file or folder it is about. A frame of a multi-frame DICOM file is `file/frames/3`, counted from 1, as in the paths
    /// of PS3.18; an entry of a zip archive is `archive.zip/inner/name`.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Io { path, .. }
            | Self::Truncated { path, .. }
            | Self::Invalid { path, .. }
            | Self::Unsupported { path, .. }
            | Self::Geometry { path, .. }
            | Self::UnknownFormat { path }
            | Self::SeveralVolumes { path, .. }
            | Self::NoImages { path, .. }
            | Self::MissingAttribute { path, .. }
            | Self::UnsupportedTransferSyntax { path, .. }
            | Self::Decode { path, .. }
            | Self::NotAVolume { path, .. }
            | Self::IrregularSpacing { path, .. }
            | Self::DuplicatePosition { path, .. }
            | Self::Tilted { path, .. }
            | Self::Lossy { path }
            | Self::OverlappingSegments { path, .. }
            | Self::Cancelled { path } => path,
        }
    }
}
