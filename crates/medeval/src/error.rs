//! What can go wrong in an evaluation.

/// Result of the functions of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Input that a metric, a test or a probe is not defined for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two lists that must run in parallel do not.
    #[error("{what}: expected {expected} entries, found {found}")]
    LengthMismatch {
        /// Which list.
        what: &'static str,
        /// Entries of the other list.
        expected: usize,
        /// Entries of this list.
        found: usize,
    },
    /// Two arrays that must have the same shape do not.
    #[error("shape mismatch: expected {expected:?}, found {found:?}")]
    ShapeMismatch {
        /// Shape of the first array.
        expected: Vec<usize>,
        /// Shape of the second array.
        found: Vec<usize>,
    },
    /// A distance between voxels or pixels that is not a positive number of millimetres.
    #[error("spacing must be positive and finite in mm, found {found:?} (slice, row, column)")]
    InvalidSpacing {
        /// The spacing along slices, rows and columns; 1 along slices in two dimensions.
        found: [f64; 3],
    },
    /// A number that must be finite is not.
    #[error("{what} must be finite, found {found} at index {index}")]
    NotFinite {
        /// Which list or array.
        what: &'static str,
        /// Its entry, counted in row-major order.
        index: usize,
        /// The value.
        found: f64,
    },
    /// A number outside the range it must lie in.
    #[error("{what} must be {expected}, found {found}")]
    OutOfRange {
        /// Which quantity.
        what: &'static str,
        /// The range.
        expected: &'static str,
        /// The value.
        found: f64,
    },
    /// Fewer entries than are needed.
    #[error("{what}: expected at least {expected}, found {found}")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A measure that needs items of two classes got those of one.
    #[error("{what} needs items of more than one class")]
    OneClass {
        /// Which measure.
        what: &'static str,
    },
    /// A class index that is not below the number of classes.
    #[error("class {found} does not exist: there are {classes} classes")]
    ClassOutOfRange {
        /// The class.
        found: usize,
        /// How many there are.
        classes: usize,
    },
    /// A matrix that is not positive definite within rounding: features that depend on each other and no regularisation.
    #[error("the {size} x {size} system is not positive definite; a larger regularisation is needed")]
    NotPositiveDefinite {
        /// Rows of the matrix.
        size: usize,
    },
    /// A measure whose value is not defined for this input.
    #[error("{what} is not defined: {reason}")]
    Undefined {
        /// Which measure.
        what: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// There is no memory for intermediate results.
    #[error("no memory for an intermediate result of {bytes} bytes")]
    OutOfMemory {
        /// What the allocation needed.
        bytes: usize,
    },
    /// A box or volume that cannot be made.
    #[error(transparent)]
    Core(#[from] medcore::Error),
}
