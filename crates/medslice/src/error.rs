//! What can go wrong with slice-sequence encoders.

use std::path::PathBuf;

/// Result of the checked operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A study that could not be encoded, or an encoder that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From the networks: weights, configuration, shapes, device.
    #[error(transparent)]
    Network(#[from] mednn::Error),
    /// From preparing the slices.
    #[error("preparing the slices: {0}")]
    Volume(#[from] medcore::Error),
    /// A file of a model folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file of a model folder that is no JSON of the right form.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        source: serde_json::Error,
    },
    /// A setting that cannot be.
    #[error("{field}: expected {expected}, found {found}")]
    Config {
        /// The setting, as it is called in the file.
        field: &'static str,
        /// The rule.
        expected: String,
        /// Its value.
        found: String,
    },
    /// Every voxel is NaN or infinite, or all have one value: there is nothing to scale to.
    #[error("the volume has no contrast: its finite voxels span {low} to {high}")]
    NoContrast {
        /// Smallest finite voxel.
        low: f64,
        /// Largest finite voxel.
        high: f64,
    },
    /// The caller asked to stop.
    #[error("stopped after {done} of {total} slices")]
    Stopped {
        /// Slices encoded by then.
        done: usize,
        /// Slices of the study.
        total: usize,
    },
}
