//! What can go wrong.

use std::path::{Path, PathBuf};

/// Result of this program's functions.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// From dividing an image.
    #[error(transparent)]
    Superpixel(#[from] medsuperpixel::Error),
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A line of standard input that is no command, or comes before the one it needs.
    #[error("command: expected {expected}, found {found}")]
    Command {
        /// What was needed.
        expected: &'static str,
        /// The line, or the part of it.
        found: String,
    },
    /// A file of another size than its shape.
    #[error("{}: expected {expected} values, found {found}", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Values of the shape.
        expected: usize,
        /// Values of the file.
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
