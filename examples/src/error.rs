//! What can go wrong in the examples.

use std::path::PathBuf;
use std::process::ExitCode;

/// Result of the examples' functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in the examples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From reading a medical image file.
    #[error(transparent)]
    File(#[from] medio::Error),
    /// From working on a volume.
    #[error(transparent)]
    Volume(#[from] medcore::Error),
    /// From a network: weights, device, shapes.
    #[cfg(feature = "networks")]
    #[error(transparent)]
    Network(#[from] mednn::Error),
    /// From a slice-sequence encoder.
    #[cfg(feature = "networks")]
    #[error(transparent)]
    Encoder(#[from] medslice::Error),
    /// From grounding phrases.
    #[cfg(feature = "networks")]
    #[error(transparent)]
    Grounding(#[from] medground::Error),
    /// From segmentation by prompts.
    #[cfg(feature = "networks")]
    #[error(transparent)]
    Segmentation(#[from] medprompt::Error),
    /// From measures and statistics.
    #[error(transparent)]
    Measure(#[from] medeval::Error),
    /// From drawing a picture.
    #[error(transparent)]
    Picture(#[from] crate::picture::Error),
    /// A file of the program's own that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A picture that cannot be read.
    #[error("{}: {reason}", path.display())]
    ImageFormat {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        reason: String,
    },
    /// A PNG file that does not decode.
    #[error("{}: {source}", path.display())]
    Png {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        source: png::DecodingError,
    },
    /// A text that is no JSON of the right form.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        source: serde_json::Error,
    },
    /// A file whose content is not what models take.
    #[cfg(feature = "networks")]
    #[error("{}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: medprompt::Error,
    },
    /// Tensors that cannot be written or read.
    #[error("{}: {source}", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// The format's reason.
        source: safetensors::SafeTensorError,
    },
    /// A folder with another number of series than one, and no word on which to take.
    #[error("{}: expected one series or `--series NUMBER`, found {}:\n{list}", path.display(), count)]
    SeveralSeries {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// One line each.
        list: String,
    },
    /// A series that is not there.
    #[error("{}: expected a series number from 0 to {}, found {found}", path.display(), count - 1)]
    NoSuchSeries {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The number as given.
        found: usize,
    },
    /// Arguments that do not go together, or data that does not suffice.
    #[error("{what}: expected {expected}, found {found}")]
    Unfit {
        /// Which argument or data.
        what: &'static str,
        /// The rule.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The program was told to stop.
    #[error("stopped; what was done is kept in {}", kept.display())]
    Stopped {
        /// Where.
        kept: PathBuf,
    },
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
