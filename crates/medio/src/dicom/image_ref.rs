//! Which image a slice came from.

use std::path::Path;

use super::header::Header;

/// The image that one slice of a volume was read from: what objects that are derived from it refer to (PS3.3 10.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageRef<'a> {
    /// Its file.
    pub path: &'a Path,
    /// SOPClassUID of its file.
    pub sop_class_uid: &'a str,
    /// SOPInstanceUID of its file.
    pub sop_instance_uid: &'a str,
    /// Which frame of a multi-frame file it is, counted from 1; `None` for a file of one image.
    pub frame: Option<u32>,
}

impl<'a> ImageRef<'a> {
    pub(super) fn of(header: &'a Header) -> Self {
        Self {
            path: &header.path,
            sop_class_uid: &header.sop_class,
            sop_instance_uid: &header.sop_instance,
            frame: (header.frames > 1).then(|| header.frame.saturating_add(1)),
        }
    }
}
