//! Reading files.

use std::path::Path;

use medcore::{Geometry, Scalar, Volume};

use super::affine;
use super::header::{EXTENDER, Header};
use super::options::ReadOptions;
use super::report::{Note, Report};
use crate::error::{Error, Result};
use crate::stored::{self, Scaling, Source};

/// What messages call a file that is in memory.
const MEMORY: &str = "<bytes>";

/// Reads a volume, scaled to its units, with the default [`ReadOptions`].
///
/// # Errors
/// [`Error::Io`]; [`Error::Truncated`] when the file ends early; [`Error::Invalid`] when it is no NIfTI file or breaks a rule;
/// [`Error::Unsupported`] for what this crate does not read, several volumes without a choice among them;
/// [`Error::Geometry`] when the transform has no inverse or is not finite.
pub fn read(path: impl AsRef<Path>) -> Result<Volume<f32>> {
    read_as(path)
}

/// Reads a volume as numbers of type `T`.
///
/// Values are scaled in `f64` first and then converted as [`Scalar`] does: integers round to nearest and saturate. Without
/// scaling, integers stay exact where they fit.
///
/// # Errors
/// As [`read`].
pub fn read_as<T: Scalar>(path: impl AsRef<Path>) -> Result<Volume<T>> {
    Ok(read_with(path, &ReadOptions::default())?.0)
}

/// Reads a volume as numbers of type `T`, with choices, and tells what the file was like.
///
/// # Errors
/// As [`read`].
pub fn read_with<T: Scalar>(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(Volume<T>, Report)> {
    Prepared::new(Source::open(path.as_ref())?, options)?.load()
}

/// Reads a volume from the bytes of a file, compressed or not.
///
/// ```
/// # use medcore::{Geometry, Point3, Spacing, Volume};
/// # let g = Geometry::axial([1, 2, 2], Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0))?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tiny.nii");
/// # medio::nifti::write(&path, &Volume::from_vec(vec![1i16, 2, 3, -4], g)?)?;
/// use medio::nifti::{ReadOptions, from_bytes};
/// let bytes = std::fs::read(path)?;
/// let (volume, report) = from_bytes::<i16>(&bytes, &ReadOptions::default())?;
/// assert_eq!(volume.as_slice(), [1, 2, 3, -4]);
/// assert!(report.notes.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`read`], but for [`Error::Io`].
pub fn from_bytes<T: Scalar>(bytes: &[u8], options: &ReadOptions) -> Result<(Volume<T>, Report)> {
    Prepared::new(Source::from_bytes(Path::new(MEMORY), bytes)?, options)?.load()
}

/// A file whose header has been read and checked, with its voxels still to come.
pub(super) struct Prepared<'a> {
    source: Source<'a>,
    geometry: Geometry,
    /// Where the voxels of the chosen volume start.
    start: u64,
    /// Whether no volume follows the chosen one.
    last: bool,
    pub(super) report: Report,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(mut source: Source<'a>, options: &ReadOptions) -> Result<Self> {
        let header = Header::read(&mut source)?;
        let path = source.path();
        let mut notes = Vec::new();
        let extents = Extents::new(&header, path)?;
        let volume = extents.choose(options.volume, path)?;
        let voxel = header.datatype.size() as u64;
        let offset = data_offset(&header, path, &mut notes)?;
        source.check_room(offset, "the header up to vox_offset")?;
        source.check_room(offset.saturating_add(extents.bytes(voxel)), "the voxel data")?;
        note_extensions(&mut source, &header, offset, &mut notes)?;
        if header.bitpix != 8 * header.datatype.size() as i32 {
            let expected = 8 * header.datatype.size() as u32;
            notes.push(Note::BitpixMismatch { expected, found: header.bitpix });
        }
        let placement = affine::placement(&header, extents.size, options.precedence, &mut notes);
        let geometry = Geometry::new(extents.size, placement.voxel_to_ras.to_lps())
            .map_err(|source| Error::Geometry { path: path.into(), source })?;
        let report = Report {
            version: header.version,
            byte_order: header.order,
            compressed: source.compressed(),
            datatype: header.datatype,
            scaling: scaling(&header, &mut notes),
            volumes: extents.volumes,
            transform: placement.transform,
            disagreement_mm: placement.disagreement_mm,
            notes,
        };
        let start = offset + extents.volume_bytes(voxel) * volume as u64;
        Ok(Self { source, geometry, start, last: volume + 1 == extents.volumes, report })
    }

    pub(super) fn load<T: Scalar>(mut self) -> Result<(Volume<T>, Report)> {
        let (report, source) = (&mut self.report, &mut self.source);
        source.skip_to(self.start, "the voxel data")?;
        let count = self.geometry.voxels();
        let voxels =
            stored::voxels(source, report.datatype.number(), report.byte_order, report.scaling, count)?;
        if self.last {
            let bytes = source.drain()?;
            if bytes > 0 {
                report.notes.push(Note::TrailingBytes { bytes });
            }
            if source.after_gzip() > 0 {
                report.notes.push(Note::BytesAfterGzip { bytes: source.after_gzip() });
            }
        }
        let volume = Volume::from_vec(voxels, self.geometry)
            .map_err(|e| Error::Geometry { path: source.path().into(), source: e })?;
        Ok((volume, self.report))
    }
}

/// The size of a file's volumes and their number.
struct Extents {
    /// `[slices, rows, columns]`.
    size: [usize; 3],
    volumes: usize,
}

impl Extents {
    fn new(header: &Header, path: &Path) -> Result<Self> {
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
        for ((size, found), _) in sizes.iter_mut().zip(extents).zip(0..rank) {
            *size = usize::try_from(found)
                .ok()
                .filter(|&n| n > 0)
                .ok_or_else(|| invalid("an extent in NIfTI dim", "at least 1", found))?;
        }
        let [columns, rows, slices, trailing @ ..] = sizes;
        // Eight bytes is the largest voxel, so that sizes in bytes cannot overflow either.
        let total = sizes.iter().try_fold(8usize, |n, &size| n.checked_mul(size));
        if total.is_none_or(|bytes| bytes > isize::MAX as usize) {
            let source = medcore::Error::InvalidSize {
                found: sizes.to_vec(),
                reason: "more voxels than memory can address",
            };
            return Err(Error::Geometry { path: path.into(), source });
        }
        Ok(Self { size: [slices, rows, columns], volumes: trailing.iter().product() })
    }

    fn choose(&self, volume: Option<usize>, path: &Path) -> Result<usize> {
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
                what: "the `volume` option",
                expected: format!("below {}, the number of volumes", self.volumes),
                found: index.to_string(),
            }),
        }
    }

    fn volume_bytes(&self, voxel: u64) -> u64 {
        self.size.iter().product::<usize>() as u64 * voxel
    }

    fn bytes(&self, voxel: u64) -> u64 {
        self.volume_bytes(voxel) * self.volumes as u64
    }
}

/// Where the first voxel is.
fn data_offset(header: &Header, path: &Path, notes: &mut Vec<Note>) -> Result<u64> {
    let least = (header.size() + EXTENDER) as u64;
    let found = header.vox_offset;
    if found == 0.0 {
        notes.push(Note::VoxOffsetAssumed { used: least });
        return Ok(least);
    }
    // Whole numbers above 2^53 are no longer exact in f64, and no file is that long.
    if found.fract() != 0.0 || !(least as f64..=9e15).contains(&found) {
        return Err(Error::Invalid {
            path: path.into(),
            what: "NIfTI vox_offset",
            expected: format!("a whole number of at least {least}"),
            found: found.to_string(),
        });
    }
    Ok(found as u64)
}

/// The first byte after the header is not 0 where extensions follow (`nifti1.h`, `struct nifti1_extender`).
fn note_extensions(
    source: &mut Source<'_>,
    header: &Header,
    offset: u64,
    notes: &mut Vec<Note>,
) -> Result<()> {
    let mut extender = [0; EXTENDER];
    source.read_exact(&mut extender, "the bytes after the NIfTI header")?;
    let bytes = offset.saturating_sub((header.size() + EXTENDER) as u64);
    if extender[0] != 0 && bytes > 0 {
        notes.push(Note::ExtensionsSkipped { bytes });
    }
    Ok(())
}

/// The scaling that changes anything (`nifti1.h`, "DATA SCALING": a slope of 0 means none).
fn scaling(header: &Header, notes: &mut Vec<Note>) -> Option<Scaling> {
    let Header { slope, inter, .. } = *header;
    if slope == 0.0 {
        return None;
    }
    if !slope.is_finite() || !inter.is_finite() {
        notes.push(Note::ScalingIgnored { slope, inter });
        return None;
    }
    (slope != 1.0 || inter != 0.0).then_some(Scaling { slope, inter })
}
