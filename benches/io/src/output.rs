//! Results, and how they are compared with those of other libraries.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use medcore::Volume;

use crate::error::{Error, Result};

/// Values that are turned into bytes at once.
const BLOCK: usize = 1 << 16;

/// The result of an operation.
pub(crate) enum Output {
    /// Voxels.
    Volume(Box<Volume<f32>>),
    /// The file names of each series, in order.
    Series(Vec<Vec<String>>),
}

impl Output {
    /// CRC-32 (that of gzip). Of voxels: little-endian `f32`, slice by slice, row by row. Of series: their file names, each
    /// followed by a line feed, the series sorted.
    pub(crate) fn checksum(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        match self {
            Self::Volume(volume) => blocks(volume).for_each(|bytes| crc.update(&bytes)),
            Self::Series(series) => {
                let mut sorted: Vec<_> = series.iter().collect();
                sorted.sort();
                for name in sorted.into_iter().flatten() {
                    crc.update(name.as_bytes());
                    crc.update(b"\n");
                }
            }
        }
        crc.finalize()
    }

    /// Of the voxels; 0 where there are none.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Volume(volume) => size_of_val(volume.as_slice()),
            Self::Series(_) => 0,
        }
    }

    /// Writes the voxels as the checksum sees them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let mut file = BufWriter::new(File::create(path).map_err(Error::io(path))?);
        if let Self::Volume(volume) = self {
            for bytes in blocks(volume) {
                file.write_all(&bytes).map_err(Error::io(path))?;
            }
        }
        file.flush().map_err(Error::io(path))
    }
}

fn blocks(volume: &Volume<f32>) -> impl Iterator<Item = Vec<u8>> {
    volume.as_slice().chunks(BLOCK).map(|block| block.iter().flat_map(|v| v.to_le_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use medcore::{Geometry, Point3, Spacing};

    use super::*;

    #[test]
    fn checksums_are_those_of_zlib() {
        let geometry =
            Geometry::axial([1, 2, 2], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        let volume = Volume::from_vec(vec![0.0f32, 1.0, -2.5, 1024.0], geometry).unwrap();
        // zlib.crc32(numpy.array([0, 1, -2.5, 1024], "<f4").tobytes())
        assert_eq!(Output::Volume(Box::new(volume)).checksum(), 0x5FBD_BD78);
    }

    #[test]
    fn the_order_of_series_does_not_matter_that_of_files_does() {
        let list = |series: &[&[&str]]| {
            Output::Series(series.iter().map(|s| s.iter().map(ToString::to_string).collect()).collect())
                .checksum()
        };
        // zlib.crc32(b"a\nb\nc\n")
        assert_eq!(list(&[&["a", "b"], &["c"]]), 0x0A67_0ED9);
        assert_eq!(list(&[&["c"], &["a", "b"]]), 0x0A67_0ED9);
        assert_ne!(list(&[&["b", "a"], &["c"]]), 0x0A67_0ED9);
    }
}
