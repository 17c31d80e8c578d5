//! What can go wrong.

/// Result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number of segments that the pixels (those of the mask, where there is one) do not allow.
    #[error("the number of segments must be from 1 to the number of pixels ({pixels}), found {found}")]
    SegmentCount {
        /// Pixels to be divided.
        pixels: usize,
        /// Segments asked for.
        found: usize,
    },
    /// An option that is out of its range.
    #[error("{option} must be {expected}, found {found}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value as given.
        found: f64,
    },
    /// A Gaussian that is wider than the image.
    #[error(
        "the standard deviation of the smoothing must be at most {limit} pixels (the longest side of the image) along each axis, \
         found {found}"
    )]
    Smoothing {
        /// Pixels along the longest side of the image.
        limit: usize,
        /// The largest standard deviation, in pixels.
        found: f64,
    },
    /// A pixel that is NaN or infinite.
    #[error("pixels must be finite, found {found} in channel {channel} at slice, row, column {index:?}")]
    NotFinite {
        /// The value: NaN or an infinity.
        found: f64,
        /// Its channel.
        channel: usize,
        /// Slice, row and column.
        index: [usize; 3],
    },
    /// An array of another shape than the image.
    #[error("{what}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// What the array is.
        what: &'static str,
        /// The shape that was needed.
        expected: Vec<usize>,
        /// The shape that was given.
        found: Vec<usize>,
    },
    /// A mask without a pixel.
    #[error("the mask is empty: expected at least one pixel")]
    EmptyMask,
    /// An image without a pixel or without a channel.
    #[error("expected at least one pixel and one channel, found shape {found:?}")]
    Empty {
        /// The shape that was given: channels, slices, rows, columns.
        found: Vec<usize>,
    },
    /// An image with more pixels than labels can count.
    #[error("expected at most {limit} pixels, found {found}")]
    TooLarge {
        /// Most that there may be.
        limit: usize,
        /// Pixels of the image.
        found: usize,
    },
    /// A conversion to Lab of an image that is not red, green, blue.
    #[error("conversion to Lab needs 3 channels (red, green, blue), found {found}")]
    NotRgb {
        /// Channels of the image.
        found: usize,
    },
    /// Labels that are not those of connected regions numbered from 1 without a gap.
    #[error("labels must be numbered from 1 without a gap: expected {expected} regions, found {found}")]
    Labels {
        /// The largest label.
        expected: usize,
        /// Labels that occur, without 0.
        found: usize,
    },
    /// A slice that the volume does not have.
    #[error("slice {found} does not exist: the image has {slices}")]
    Slice {
        /// Slices of the image.
        slices: usize,
        /// The slice asked for.
        found: usize,
    },
    /// From geometry: spacing, memory.
    #[error(transparent)]
    Geometry(#[from] medcore::Error),
}
