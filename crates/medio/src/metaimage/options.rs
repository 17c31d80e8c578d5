//! Choices of the caller.

use crate::stored::ByteOrder;

/// How to read a file.
///
/// ```
/// use medio::metaimage::ReadOptions;
/// let options = ReadOptions::default().volume(2).stored_values(true);
/// assert_eq!(options.volume, Some(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Which volume of a file with several components or four dimensions, from 0, in file order: the components count first.
    /// `None` accepts only files that hold a single one.
    pub volume: Option<usize>,
    /// Whether the stored values are wanted, without `ElementToIntensityFunctionSlope` and `Offset`. Off by default; ITK and what
    /// is built on it never apply them.
    pub stored_values: bool,
    /// Whether a header may name data files outside of its own folder. Off by default: a header from a stranger could have any
    /// file of this machine read as voxels. Symbolic links are followed in either case.
    pub data_anywhere: bool,
}

impl ReadOptions {
    /// Sets [`volume`](Self::volume).
    #[must_use]
    pub const fn volume(mut self, volume: usize) -> Self {
        self.volume = Some(volume);
        self
    }

    /// Sets [`stored_values`](Self::stored_values).
    #[must_use]
    pub const fn stored_values(mut self, wanted: bool) -> Self {
        self.stored_values = wanted;
        self
    }

    /// Sets [`data_anywhere`](Self::data_anywhere).
    #[must_use]
    pub const fn data_anywhere(mut self, allowed: bool) -> Self {
        self.data_anywhere = allowed;
        self
    }
}

/// How to write a file.
///
/// ```
/// use medio::metaimage::WriteOptions;
/// let options = WriteOptions::default().compressed(false).field("Modality", "MET_MOD_CT");
/// assert_eq!(options.fields.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Whether the voxels are compressed with zlib; they are by default.
    pub compressed: bool,
    /// Byte order of the voxels; little endian by default.
    pub byte_order: ByteOrder,
    /// Further fields, such as `Comment`, which ITK reads into the dictionary of the image.
    pub fields: Vec<(String, String)>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { compressed: true, byte_order: ByteOrder::Little, fields: Vec::new() }
    }
}

impl WriteOptions {
    /// Sets [`compressed`](Self::compressed).
    #[must_use]
    pub const fn compressed(mut self, compressed: bool) -> Self {
        self.compressed = compressed;
        self
    }

    /// Sets [`byte_order`](Self::byte_order).
    #[must_use]
    pub const fn byte_order(mut self, order: ByteOrder) -> Self {
        self.byte_order = order;
        self
    }

    /// Adds to [`fields`](Self::fields).
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }
}
