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
    /// The voxels and their place in the patient do not make a volume.
    #[error("{}: {source}", path.display())]
    Geometry {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        source: medcore::Error,
    },
}

impl Error {
    /// The file or folder it is about.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Io { path, .. }
            | Self::Truncated { path, .. }
            | Self::Invalid { path, .. }
            | Self::Unsupported { path, .. }
            | Self::Geometry { path, .. } => path,
        }
    }
}
