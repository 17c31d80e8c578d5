//! What can go wrong with models, weights and devices.

use std::path::PathBuf;

use crate::device::Backend;
use crate::weights::WeightReport;

/// Result of the checked operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A model that could not be made, or an input that does not fit it.
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
    /// A configuration that is no JSON or lacks a field.
    #[error("{what} does not parse: {source}")]
    ConfigSyntax {
        /// Which configuration.
        what: String,
        /// The parser's reason.
        source: serde_json::Error,
    },
    /// A configuration whose values no model here can have.
    #[error("{field}: expected {expected}, found {found}")]
    Config {
        /// The field, as it is called in the file.
        field: &'static str,
        /// The rule.
        expected: String,
        /// Its value.
        found: String,
    },
    /// A file that is not in the safetensors format, or is cut off.
    #[error("{what} is not a complete safetensors file: {source}")]
    WeightFormat {
        /// Which file.
        what: String,
        /// The parser's reason.
        source: safetensors::SafeTensorError,
    },
    /// Weights that do not fit the model.
    #[error("{what} does not fit the model: {report}")]
    Weights {
        /// Which weights.
        what: String,
        /// Key by key.
        report: Box<WeightReport>,
    },
    /// An input of a shape that the model does not take.
    #[error("{what}: expected {expected}, found {found:?}")]
    Shape {
        /// Which input.
        what: &'static str,
        /// The rule.
        expected: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A backend that this build was compiled without.
    #[error(
        "this build has no {backend} backend: compile with the Cargo feature `{backend}` (compiled in: {available})"
    )]
    BackendNotCompiled {
        /// The backend asked for.
        backend: Backend,
        /// Those there are.
        available: String,
    },
    /// A backend name that is not known.
    #[error("unknown device {found:?}: expected one of flex, ndarray, wgpu, cuda")]
    UnknownBackend {
        /// The name as given.
        found: String,
    },
    /// A backend without hardware or driver to run on.
    #[error("no {backend} device on this machine: {reason}")]
    NoDevice {
        /// The backend asked for.
        backend: Backend,
        /// What the driver said.
        reason: String,
    },
    /// A tensor whose values could not be read back from the device.
    #[error("reading a result back from the device failed: {reason}")]
    Readback {
        /// What burn said.
        reason: String,
    },
    /// A folder of a text encoder without its tokeniser.
    #[error(
        "{} has no tokenizer.json: where there is only a vocab.txt, transformers' AutoTokenizer reads it and its \
         save_pretrained writes one", folder.display()
    )]
    NoTokenizer {
        /// The folder.
        folder: PathBuf,
    },
    /// A `tokenizer.json` that cannot be used.
    #[error("tokenizer.json: {reason}")]
    Tokenizer {
        /// What the tokeniser said.
        reason: String,
    },
    /// A tokeniser without a token that text encoders need.
    #[error("tokenizer.json: expected that {token} {wanted}")]
    SpecialToken {
        /// The token.
        token: String,
        /// Where it is needed.
        wanted: &'static str,
    },
    /// A tokeniser of another model than the weights.
    #[error("the tokeniser has the id {largest}, and the word table of the model {rows} rows")]
    Vocabulary {
        /// The largest id.
        largest: u32,
        /// Rows of the table.
        rows: usize,
    },
    /// A phrase of a batch that cannot be encoded.
    #[error("phrase {index}: {source}")]
    Phrase {
        /// Which of the batch, from 0.
        index: usize,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A phrase without a single token.
    #[error("the phrase is empty")]
    EmptyPhrase,
    /// A text that is no phrase.
    #[error("the phrase has {bytes} bytes: expected at most {limit}")]
    PhraseTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// An image or volume that could not be prepared.
    #[error("preparing the image: {0}")]
    Image(#[from] medcore::Error),
}
