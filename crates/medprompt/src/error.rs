//! What can go wrong with prompted segmentation.

use std::path::PathBuf;

/// Result of the checked operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A model that could not be made, trained or loaded, or an input that does not fit it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From the networks: weights, configuration, shapes, device.
    #[error(transparent)]
    Network(#[from] mednn::Error),
    /// From images and volumes.
    #[error(transparent)]
    Image(#[from] medcore::Error),
    /// From superpixels.
    #[error("superpixels: {0}")]
    Superpixels(#[from] medsuperpixel::Error),
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
    /// A setting that cannot be.
    #[error("{field}: expected {expected}, found {found}")]
    Config {
        /// The setting, as it is called in the configuration.
        field: &'static str,
        /// The rule.
        expected: String,
        /// Its value.
        found: String,
    },
    /// An array or tensor of a shape that does not fit.
    #[error("{what}: expected {expected}, found {found:?}")]
    Shape {
        /// Which input.
        what: &'static str,
        /// The rule.
        expected: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A pixel that is NaN or infinite.
    #[error("pixels must be finite, found {found} in channel {channel} at row {row}, column {column}")]
    NotFinite {
        /// The value: NaN or an infinity.
        found: f32,
        /// Its channel.
        channel: usize,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// A class that the model does not have.
    #[error("class {found}: expected one below {classes}")]
    Class {
        /// Number of classes, background included.
        classes: usize,
        /// The class as given.
        found: usize,
    },
    /// A place outside of the image.
    #[error("row {row}, column {column} is not in an image of {height} x {width} pixels")]
    Outside {
        /// The row as given.
        row: usize,
        /// The column as given.
        column: usize,
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// A loss or gradient that is NaN or infinite: training cannot go on.
    #[error("the loss of step {step} is {found}")]
    Diverged {
        /// The step, from 0.
        step: usize,
        /// The loss.
        found: f32,
    },
    /// The caller's progress callback asked to stop.
    #[error("cancelled after {done} of {total}")]
    Cancelled {
        /// Windows or slices that were done.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// Weights that were trained on another backbone.
    #[error(
        "these weights were trained on a {expected_name} with SHA-256 {expected}, and this backbone has {found}"
    )]
    WrongBase {
        /// What the backbone of training was called.
        expected_name: String,
        /// Its hash, in hexadecimal.
        expected: String,
        /// That of the backbone at hand.
        found: String,
    },
    /// A file of weights without what it must say about itself.
    #[error("{what}: expected the entry {entry:?} in its metadata")]
    Metadata {
        /// Which file.
        what: String,
        /// The entry.
        entry: &'static str,
    },
    /// Weights that do not fit the model.
    #[error("{what} does not fit the model: {}", problems.join("; "))]
    Weights {
        /// Which weights.
        what: String,
        /// What is missing, unused or of another shape, by key.
        problems: Vec<String>,
    },
}

/// [`Error::Config`] with the found value as text.
pub(crate) fn config(field: &'static str, expected: impl Into<String>, found: impl ToString) -> Error {
    Error::Config { field, expected: expected.into(), found: found.to_string() }
}

/// [`Error::Shape`].
pub(crate) fn shape(what: &'static str, expected: impl Into<String>, found: &[usize]) -> Error {
    Error::Shape { what, expected: expected.into(), found: found.to_vec() }
}
