//! What can go wrong with grounding.

use std::path::PathBuf;

/// Result of the checked operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A phrase that could not be grounded, a model that could not be made, or annotations that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From the networks: weights, configuration, tokenisers, shapes, device.
    #[error(transparent)]
    Network(#[from] mednn::Error),
    /// From images and boxes.
    #[error("preparing the image: {0}")]
    Image(#[from] medcore::Error),
    /// From matching and fusing boxes.
    #[error("matching boxes: {0}")]
    Evaluation(#[from] medeval::Error),
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A text that is no JSON of the right form.
    #[error("{what} does not parse: {source}")]
    Syntax {
        /// Which text.
        what: String,
        /// The parser's reason.
        source: serde_json::Error,
    },
    /// A table without a column, or with a quote that does not end.
    #[error("{what}: expected {expected}, found {found}")]
    Table {
        /// Which table.
        what: String,
        /// The rule.
        expected: String,
        /// What is there.
        found: String,
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
    /// A pixel that is NaN or infinite.
    #[error("the image has pixels that are not finite: {count} of {total}")]
    NotFinite {
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
    },
    /// All pixels have one value: there is nothing to see.
    #[error("the image has no contrast: every pixel is scaled from {value}")]
    NoContrast {
        /// The value.
        value: f64,
    },
    /// A colour photograph, where a grey image is expected.
    #[error(
        "the image is in colour: expected one channel, or three that are equal; {differing} of {total} pixels differ"
    )]
    Colour {
        /// Pixels whose channels differ.
        differing: usize,
        /// Of how many.
        total: usize,
    },
    /// A number of channels that is neither grey nor colour.
    #[error("the image has {found} channels: expected 1, 3 or 4")]
    Channels {
        /// How many.
        found: usize,
    },
    /// An image so thin that nothing of it is left when it is scaled into the square.
    #[error(
        "the image of {height} x {width} pixels keeps {content} pixels on its short side: expected at least {least}"
    )]
    TooThin {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// Short side after scaling.
        content: usize,
        /// What the backbone needs.
        least: usize,
    },
    /// A phrase with more tokens than the model reads.
    #[error("the phrase has {tokens} tokens: expected at most {limit}, special ones included")]
    PhraseTooLong {
        /// Tokens of the phrase.
        tokens: usize,
        /// The limit.
        limit: usize,
    },
    /// A batch whose parts do not belong together.
    #[error("{what}: expected {expected}, found {found}")]
    Batch {
        /// Which part.
        what: &'static str,
        /// The rule.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A checkpoint that was made with other settings.
    #[error("the checkpoint does not fit: {what}: expected {expected}, found {found}")]
    Checkpoint {
        /// Which part.
        what: &'static str,
        /// That of this run.
        expected: String,
        /// That of the checkpoint.
        found: String,
    },
}

/// Reads a text file.
pub(crate) fn read_text(path: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

/// Writes a file.
pub(crate) fn write_file(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}
