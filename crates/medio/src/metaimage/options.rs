//! Choices of the caller.

use crate::stored::ByteOrder;

/// How to read a file.
///
/// ```
/// use medio::metaimage::ReadOptions;
/// let options = ReadOptions::new().volume(2).stored_values(true);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    pub(super) volume: Option<usize>,
    pub(super) stored_values: bool,
    pub(super) data_anywhere: bool,
}

impl ReadOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which volume of a file with several components or four dimensions, from 0, in file order: the components count first.
    /// Default: only files that hold a single one are accepted.
    #[must_use]
    pub const fn volume(mut self, volume: usize) -> Self {
        self.volume = Some(volume);
        self
    }

    /// Whether the stored values are wanted, without `ElementToIntensityFunctionSlope` and `Offset`. Off by default; ITK and what
    /// is built on it never apply them.
    #[must_use]
    pub const fn stored_values(mut self, wanted: bool) -> Self {
        self.stored_values = wanted;
        self
    }

    /// Whether a header may name data files outside of its own folder. Off by default: a header from a stranger could have any
    /// file of this machine read as voxels. Symbolic links are followed in either case.
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
/// let options = WriteOptions::new().compressed(false).field("Modality", "MET_MOD_CT");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    pub(super) compressed: bool,
    pub(super) byte_order: ByteOrder,
    pub(super) fields: Vec<(String, String)>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { compressed: true, byte_order: ByteOrder::Little, fields: Vec::new() }
    }
}

impl WriteOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the voxels are compressed with zlib. Default: they are.
    #[must_use]
    pub const fn compressed(mut self, compressed: bool) -> Self {
        self.compressed = compressed;
        self
    }

    /// Byte order of the voxels. Default: little endian.
    #[must_use]
    pub const fn byte_order(mut self, order: ByteOrder) -> Self {
        self.byte_order = order;
        self
    }

    /// Adds a field, such as `Comment`, which ITK reads into the dictionary of the image.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }
}
