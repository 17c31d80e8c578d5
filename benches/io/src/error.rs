//! What can go wrong.

use std::path::{Path, PathBuf};

/// Result of this program's functions.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// From reading a medical image file.
    #[error(transparent)]
    File(#[from] medio::Error),
    /// From resampling.
    #[error(transparent)]
    Volume(#[from] medcore::Error),
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A line of standard input that is no command.
    #[error("command: expected prepare, run or save with their arguments, or quit, found {found}")]
    Command {
        /// The line.
        found: String,
    },
    /// An operation that there is not.
    #[error("operation: expected one of {expected}, found {found}")]
    Operation {
        /// Those that there are.
        expected: String,
        /// What was asked for.
        found: String,
    },
    /// A folder that does not hold exactly one series.
    #[error("{}: expected one series, found {found}", path.display())]
    SeriesCount {
        /// The folder.
        path: PathBuf,
        /// Series.
        found: usize,
    },
    /// A folder in which files were passed over.
    #[error("{}: expected images only, {found} files were passed over", path.display())]
    Skipped {
        /// The folder.
        path: PathBuf,
        /// Files.
        found: usize,
    },
}

impl Error {
    /// For use in `map_err`: an [`Error::Io`] about a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
