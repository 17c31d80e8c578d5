//! Choices of the caller.

use medcore::Matrix3;

use super::report::Encoding;
use crate::stored::ByteOrder;

/// How to read a file.
///
/// ```
/// use medio::nrrd::ReadOptions;
/// let options = ReadOptions::default().volume(2).data_anywhere(true);
/// assert_eq!(options.volume, Some(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Which volume of a file with axes that are not in space (components, colours, times), from 0, in file order: the fastest
    /// of these axes counts first. `None` accepts only files that hold a single one.
    pub volume: Option<usize>,
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
/// use medio::nrrd::{Encoding, WriteOptions};
/// let options = WriteOptions::default().encoding(Encoding::Raw).key_value("modality", "MR");
/// assert_eq!(options.key_values.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// How the voxels are stored; gzip by default.
    pub encoding: Encoding,
    /// Byte order of the voxels; little endian by default.
    pub byte_order: ByteOrder,
    /// `key:=value` pairs, such as those of a [`Report`](super::Report).
    pub key_values: Vec<(String, String)>,
    /// Comments. Line ends in them become blanks.
    pub comments: Vec<String>,
    /// `content`: what the voxels are.
    pub content: Option<String>,
    /// `measurement frame`, its vectors as columns, in LPS.
    pub measurement_frame: Option<Matrix3>,
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
    /// Sets [`encoding`](Self::encoding).
    #[must_use]
    pub const fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets [`byte_order`](Self::byte_order).
    #[must_use]
    pub const fn byte_order(mut self, order: ByteOrder) -> Self {
        self.byte_order = order;
        self
    }

    /// Adds a pair to [`key_values`](Self::key_values).
    #[must_use]
    pub fn key_value(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.key_values.push((key.into(), value.into()));
        self
    }

    /// Adds a line to [`comments`](Self::comments).
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comments.push(comment.into());
        self
    }

    /// Sets [`content`](Self::content).
    #[must_use]
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }

    /// Sets [`measurement_frame`](Self::measurement_frame).
    #[must_use]
    pub const fn measurement_frame(mut self, frame: Matrix3) -> Self {
        self.measurement_frame = Some(frame);
        self
    }
}
