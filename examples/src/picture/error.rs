//! What can go wrong with pictures.

use std::path::PathBuf;

/// Result of the operations on pictures.
pub type Result<T> = std::result::Result<T, Error>;

/// A picture that could not be drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The picture.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// The PNG encoder failed.
    #[error("cannot encode the picture as PNG: {0}")]
    Png(#[from] png::EncodingError),
    /// A size of nothing, or beyond what these pictures are made for.
    #[error("{what} must have sides from 1 and at most {limit} elements in all, found {found:?}")]
    InvalidSize {
        /// What has the size.
        what: &'static str,
        /// How many elements there may be.
        limit: usize,
        /// The size as given.
        found: [usize; 2],
    },
    /// An array of another shape than its partner, or than what it is to show.
    #[error("{what} must be {expected}, found {found}")]
    InvalidShape {
        /// The array.
        what: &'static str,
        /// Its rule.
        expected: String,
        /// How it is.
        found: String,
    },
    /// NaN or infinity where only numbers count.
    #[error("{what} must be finite, found {found} in row {row}")]
    NotFinite {
        /// The array.
        what: &'static str,
        /// The first such value.
        found: f32,
        /// Where it is.
        row: usize,
    },
    /// Nothing to show or to measure.
    #[error("{what}: at least one is needed, found none")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
}
