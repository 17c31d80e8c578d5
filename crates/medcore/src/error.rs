//! What can go wrong with volumes and their geometry.

/// Result of the operations of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An operation on a volume, an image or a geometry that could not be carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An affine that maps a whole plane or line to one point cannot be inverted.
    #[error("the affine is not invertible: its determinant is {determinant:e}")]
    SingularAffine {
        /// Determinant of the linear part.
        determinant: f64,
    },
    /// A number that must be finite is not.
    #[error("{what} must be finite, found {found}")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
        /// Its value.
        found: f64,
    },
    /// A distance between voxels or pixels that is not a positive number of millimetres.
    #[error("spacing must be positive and finite in mm, found {found:?}")]
    InvalidSpacing {
        /// The spacing along columns, rows and slices.
        found: [f64; 3],
    },
    /// A volume or image without voxels, or with more than can be addressed.
    #[error("invalid size {found:?}: {reason}")]
    InvalidSize {
        /// Size in array order.
        found: Vec<usize>,
        /// Why it cannot be.
        reason: &'static str,
    },
    /// The array and the geometry (or two arrays) do not have the same shape.
    #[error("shape mismatch: expected {expected:?}, found {found:?}")]
    ShapeMismatch {
        /// The shape that was needed, in array order.
        expected: Vec<usize>,
        /// The shape that was given.
        found: Vec<usize>,
    },
    /// Three letters that do not name an orientation.
    #[error(
        "invalid orientation {found:?}: expected three letters, one each of R/L, A/P and S/I, such as \"LPS\""
    )]
    InvalidOrientation {
        /// The text as given.
        found: String,
    },
    /// A window whose width cannot be used by its function.
    #[error("window width must be {expected}, found {found}")]
    InvalidWindow {
        /// The rule of the function.
        expected: &'static str,
        /// The width as given.
        found: f64,
    },
    /// A voxel that cannot be a label.
    #[error("a label must be a whole number from 0 to 65535, found {found}")]
    InvalidLabel {
        /// The voxel as it was.
        found: f64,
    },
    /// A region that does not lie in the volume or image.
    #[error("region {start:?}..{end:?} does not lie within size {size:?}")]
    OutOfBounds {
        /// First voxel, in array order.
        start: Vec<usize>,
        /// One past the last voxel.
        end: Vec<usize>,
        /// Size of what was asked.
        size: Vec<usize>,
    },
    /// A box whose maximum lies below its minimum, or with coordinates that are not finite.
    #[error("invalid box: minimum {min:?}, maximum {max:?}")]
    InvalidBox {
        /// Lower corner.
        min: Vec<f64>,
        /// Upper corner.
        max: Vec<f64>,
    },
    /// There is no memory for a result of the size that was asked for.
    #[error("no memory for a result of {bytes} bytes")]
    OutOfMemory {
        /// What the allocation needed.
        bytes: usize,
    },
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
