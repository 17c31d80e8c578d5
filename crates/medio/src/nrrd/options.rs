//! Choices of the caller.

use medcore::Matrix3;

use super::report::Encoding;
use crate::stored::ByteOrder;

/// How to read a file.
///
/// ```
/// use medio::nrrd::ReadOptions;
/// let options = ReadOptions::new().volume(2).data_anywhere(true);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    pub(super) volume: Option<usize>,
    pub(super) data_anywhere: bool,
}

impl ReadOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which volume of a file with axes that are not in space (components, colours, times), from 0, in file order: the fastest
    /// of these axes counts first. Default: only files that hold a single one are accepted.
    #[must_use]
    pub const fn volume(mut self, volume: usize) -> Self {
        self.volume = Some(volume);
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
/// use medio::nrrd::{Encoding, WriteOptions};
/// let options = WriteOptions::new().encoding(Encoding::Raw).key_value("modality", "MR");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WriteOptions {
    pub(super) encoding: Encoding,
    pub(super) byte_order: ByteOrder,
    pub(super) key_values: Vec<(String, String)>,
    pub(super) comments: Vec<String>,
    pub(super) content: Option<String>,
    pub(super) measurement_frame: Option<Matrix3>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            byte_order: ByteOrder::Little,
            key_values: Vec::new(),
            comments: Vec::new(),
            content: None,
            measurement_frame: None,
        }
    }
}

impl WriteOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the voxels are stored. Default: gzip.
    #[must_use]
    pub const fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Byte order of the voxels. Default: little endian.
    #[must_use]
    pub const fn byte_order(mut self, order: ByteOrder) -> Self {
        self.byte_order = order;
        self
    }

    /// Adds a `key:=value` pair, such as those of a [`Report`](super::Report).
    #[must_use]
    pub fn key_value(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.key_values.push((key.into(), value.into()));
        self
    }

    /// Adds a comment. Line ends in it become blanks.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comments.push(comment.into());
        self
    }

    /// `content`: what the voxels are. Default: nothing said.
    #[must_use]
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }

    /// `measurement frame`, its vectors as columns, in LPS. Default: none.
    #[must_use]
    pub const fn measurement_frame(mut self, frame: Matrix3) -> Self {
        self.measurement_frame = Some(frame);
        self
    }
}
