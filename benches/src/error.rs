//! What can go wrong in the benchmarks.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Result of the benchmarks' functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in the benchmarks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From reading or writing a medical image file.
    #[error(transparent)]
    File(#[from] medio::Error),
    /// From working on a volume.
    #[error(transparent)]
    Volume(#[from] medcore::Error),
    /// From a network: weights, device, shapes.
    #[error(transparent)]
    Network(#[from] mednn::Error),
    /// From a phrase grounder.
    #[error(transparent)]
    Grounding(#[from] medground::Error),
    /// From a slice-sequence encoder.
    #[error(transparent)]
    Encoder(#[from] medslice::Error),
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Tensors that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// The format's reason.
        source: safetensors::SafeTensorError,
    },
    /// An argument, a line of input or an answer that does not fit.
    #[error("{what}: expected {expected}, found {found}")]
    Unfit {
        /// What.
        what: &'static str,
        /// The rule.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A measuring process that failed; it said why on standard error.
    #[error("measuring {slices} slices in batches of {slice_batch} failed")]
    Child {
        /// Slices of the study.
        slices: usize,
        /// Slices at once.
        slice_batch: usize,
    },
}

impl Error {
    /// For use in `map_err`: an [`Error::Io`] about a file.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }

    /// For use in `map_err`: an [`Error::Tensors`] about a file.
    pub fn tensors(path: &Path) -> impl FnOnce(safetensors::SafeTensorError) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Tensors { path, source }
    }
}

/// Ends a program: an error goes to standard error and makes the exit status 1.
pub fn exit(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
