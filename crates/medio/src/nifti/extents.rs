//! The sizes that a header claims.

use std::path::Path;

use super::header::Header;
use super::report::Note;
use crate::error::{Error, Result};

/// The size of a file's volumes and their number.
#[derive(Debug, Clone)]
pub(super) struct Extents {
    /// `[slices, rows, columns]`.
    pub(super) size: [usize; 3],
    /// Of the axes after the third.
    pub(super) further: Vec<usize>,
    pub(super) volumes: usize,
}

impl Extents {
    pub(super) fn new(header: &Header, path: &Path, notes: &mut Vec<Note>) -> Result<Self> {
        let invalid = |what, expected: &str, found: i64| Error::Invalid {
            path: path.into(),
            what,
            expected: expected.into(),
            found: found.to_string(),
        };
        let [rank, extents @ ..] = header.dim;
        if !(1..=7).contains(&rank) {
            return Err(invalid("NIfTI dim[0], the number of dimensions", "1 to 7", rank));
        }
        let mut sizes = [1usize; 7];
        for ((size, found), axis) in sizes.iter_mut().zip(extents).zip(1..=rank) {
            *size = match usize::try_from(found) {
                Ok(0) if axis > 1 => {
                    notes.push(Note::ZeroExtent { axis: axis as usize });
                    1
                }
                Ok(n) if n > 0 => n,
                _ => return Err(invalid("an extent in NIfTI dim", "at least 1", found)),
            };
        }
        let [columns, rows, slices, trailing @ ..] = sizes;
        // Sixteen bytes is the largest voxel, so that sizes in bytes cannot overflow either.
        let total = sizes.iter().try_fold(16usize, |n, &size| n.checked_mul(size));
        if total.is_none_or(|bytes| bytes > isize::MAX as usize) {
            let source = medcore::Error::InvalidSize {
                found: sizes.to_vec(),
                reason: "more voxels than memory can address",
            };
            return Err(Error::Geometry { path: path.into(), source });
        }
        let further = trailing.into_iter().zip(3..rank).map(|(n, _)| n).collect();
        Ok(Self { size: [slices, rows, columns], further, volumes: trailing.iter().product() })
    }

    /// The volume that was asked for, or the only one.
    pub(super) fn choose(&self, volume: Option<usize>, path: &Path) -> Result<usize> {
        match volume {
            None if self.volumes == 1 => Ok(0),
            None => Err(Error::Unsupported {
                path: path.into(),
                what: "several volumes in one file:",
                found: format!("{}; choose one with the `volume` option", self.volumes),
            }),
            Some(index) if index < self.volumes => Ok(index),
            Some(index) => Err(Error::Invalid {
                path: path.into(),
                what: "the index of a volume",
                expected: format!("below {}, the number of volumes", self.volumes),
                found: index.to_string(),
            }),
        }
    }

    /// Voxels of one volume.
    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }
}
