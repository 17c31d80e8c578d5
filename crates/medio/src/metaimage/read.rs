//! Reading files.

use std::path::{Path, PathBuf};

use medcore::{Affine3, Geometry, Lps, Scalar, Volume, Voxel};

use super::header::Header;
use super::options::ReadOptions;
use super::report::{Note, Report};
use crate::error::{Error, Result};
use crate::stored::{self, ByteOrder, Encoding, Layout, Lines, Part, Place, Scaling, Source, Start};

/// What messages call a file that is in memory.
const MEMORY: &str = "<bytes>";
/// Groups of numbers that are held at a time to pick one of.
const MAX_COMPONENTS: usize = 1 << 16;

/// Reads a volume with the default [`ReadOptions`].
///
/// # Errors
/// [`Error::Io`]; [`Error::Truncated`] when a file ends early; [`Error::Invalid`] when it is no MetaImage file or breaks a rule;
/// [`Error::Unsupported`] for what this crate does not read, several volumes without a choice among them;
/// [`Error::Geometry`] when spacing and directions have no inverse or are not finite.
pub fn read(path: impl AsRef<Path>) -> Result<Volume<f32>> {
    read_as(path)
}

/// Reads a volume as numbers of type `T`. Without scaling, integers become integers exactly where they fit and saturate
/// elsewhere; all other conversions are those of [`Scalar`].
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
    Prepared::open(path.as_ref(), options)?.load(options)
}

/// Reads a volume from the bytes of a file with `ElementDataFile = LOCAL`.
///
/// ```
/// use medio::metaimage::{ReadOptions, from_bytes};
/// let file = b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 1\nElementSpacing = 1 1 2\nOffset = 0 0 0\n\
///     ElementType = MET_UCHAR\nElementDataFile = LOCAL\n\x01\x02\x03\x04";
/// let (volume, report) = from_bytes::<u8>(file, &ReadOptions::default())?;
/// assert_eq!(volume.as_slice(), [1, 2, 3, 4]);
/// assert!(report.notes.is_empty());
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// As [`read`], but for [`Error::Io`]; [`Error::Unsupported`] for a header whose voxels are in other files.
pub fn from_bytes<T: Scalar>(bytes: &[u8], options: &ReadOptions) -> Result<(Volume<T>, Report)> {
    let path = Path::new(MEMORY);
    Prepared::new(Lines::from_bytes(path, bytes), Place::Memory(bytes), options)?.load(options)
}

/// A file whose header has been read and checked, with its voxels still to come.
pub(super) struct Prepared<'a> {
    path: &'a Path,
    header: Header,
    geometry: Geometry,
    parts: Vec<Part<'a>>,
    pub(super) report: Report,
}

impl<'a> Prepared<'a> {
    pub(super) fn open(path: &'a Path, options: &ReadOptions) -> Result<Self> {
        Self::new(Lines::open(path)?, Place::File(path.into()), options)
    }

    fn new(mut lines: Lines<'a>, place: Place<'a>, options: &ReadOptions) -> Result<Self> {
        let path = lines.path();
        let header = Header::read(&mut lines)?;
        let unsupported = |what, found: String| Error::Unsupported { path: path.into(), what, found };
        if header.components > MAX_COMPONENTS {
            let found = format!("{}; at most {MAX_COMPONENTS}", header.components);
            return Err(unsupported("ElementNumberOfChannels", found));
        }
        let geometry = geometry(&header, path)?;
        let local = header.data_file.eq_ignore_ascii_case("local");
        let files = match &place {
            _ if local => Vec::new(),
            Place::File(_) => data_files(&header, path, options)?,
            Place::Memory(_) => return Err(unsupported("MetaImage data", "in another file".into())),
        };
        let parts = if local {
            vec![part(&header, place, header.end)]
        } else {
            files.iter().map(|file| part(&header, Place::File(file.clone()), 0)).collect()
        };
        let report = report(&header, files, options);
        Ok(Self { path, header, geometry, parts, report })
    }

    pub(super) fn load<T: Scalar>(mut self, options: &ReadOptions) -> Result<(Volume<T>, Report)> {
        let volume = self.choose(options.volume)?;
        let (component, time) = (volume % self.header.components, volume / self.header.components);
        let mut source = self.source(component)?;
        let count = self.geometry.voxels();
        let bytes = (count * self.header.number.size()) as u64;
        source.skip_to(time as u64 * bytes, "the voxel data")?;
        let order = if self.header.text { ByteOrder::Little } else { self.header.order };
        let scaling = self.report.scaling.filter(|_| !options.stored_values);
        let voxels = stored::voxels(&mut source, self.header.number, order, scaling, count)?;
        if volume / self.header.components + 1 == self.report.volumes / self.header.components {
            let bytes = source.drain()?.saturating_mul(self.header.components as u64);
            if bytes > 0 {
                self.report.notes.push(Note::TrailingBytes { bytes });
            }
        }
        let volume = Volume::from_vec(voxels, self.geometry)
            .map_err(|source| Error::Geometry { path: self.path.into(), source })?;
        Ok((volume, self.report))
    }

    fn choose(&self, volume: Option<usize>) -> Result<usize> {
        match (volume, self.report.volumes) {
            (None, 1) => Ok(0),
            (None, volumes) => Err(Error::Unsupported {
                path: self.path.into(),
                what: "several volumes in one file:",
                found: format!("{volumes}; choose one with the `volume` option"),
            }),
            (Some(index), volumes) if index < volumes => Ok(index),
            (Some(index), volumes) => Err(Error::Invalid {
                path: self.path.into(),
                what: "the `volume` option",
                expected: format!("below {volumes}, the number of volumes"),
                found: index.to_string(),
            }),
        }
    }

    fn source(&self, component: usize) -> Result<Source<'a>> {
        let numbers: u64 = self.header.sizes.iter().map(|&n| n as u64).product();
        let numbers = numbers * self.header.components as u64;
        let layout = Layout {
            encoding: match (self.header.text, self.header.compressed) {
                (true, _) => Encoding::Text,
                (false, true) => Encoding::Deflate,
                (false, false) => Encoding::Raw,
            },
            number: self.header.number,
            count: numbers / self.parts.len().max(1) as u64,
            pick: (component, self.header.components),
        };
        stored::encoded_source(self.path, self.parts.clone(), layout)
    }
}

fn part<'a>(header: &Header, place: Place<'a>, offset: u64) -> Part<'a> {
    let start = match header.header_size {
        None => Start::AtEnd,
        // From the start of the file, also where that is the header's.
        Some(skip) if skip > 0 => Start::After { offset: skip, lines: 0, bytes: 0 },
        Some(_) => Start::After { offset, lines: 0, bytes: 0 },
    };
    // Several files have a size each, of which the header cannot tell.
    let local = header.data_file.eq_ignore_ascii_case("local");
    let stored = header.compressed_size.filter(|_| header.compressed && local);
    Part { place, start, stored }
}

/// The first three axes; the offset is the centre of the first voxel.
fn geometry(header: &Header, path: &Path) -> Result<Geometry> {
    let Header { sizes, spacing, offset, directions, .. } = header;
    let rank = sizes.len();
    // The fourth axis counts times: it must not turn into space.
    let coupled = directions
        .iter()
        .enumerate()
        .any(|(axis, row)| row.iter().enumerate().any(|(of, x)| (axis == 3) != (of == 3) && *x != 0.0));
    if coupled {
        let found = "with the fourth axis in space".into();
        return Err(Error::Unsupported { path: path.into(), what: "TransformMatrix", found });
    }
    let mut linear = [[0.0; 3], [0.0; 3], [0.0, 0.0, f64::from(u8::from(rank == 2))]];
    for (axis, (direction, step)) in directions.iter().zip(spacing).take(3).enumerate() {
        for (row, x) in linear.iter_mut().zip(direction) {
            row[axis] = x * step;
        }
    }
    let extent = |axis: usize| sizes.get(axis).copied().unwrap_or(1);
    let origin = std::array::from_fn(|axis| offset.get(axis).copied().unwrap_or(0.0));
    let affine: Affine3<Voxel, Lps> = Affine3::new(linear, origin);
    Geometry::new([extent(2), extent(1), extent(0)], affine)
        .map_err(|source| Error::Geometry { path: path.into(), source })
}

/// The files that `ElementDataFile` names: one, those of a pattern, or those of a list.
fn data_files(header: &Header, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>> {
    let words: Vec<&str> = header.data_file.split_whitespace().collect();
    let sizes = &header.sizes;
    let invalid = |expected: String, found: String| {
        Err(Error::Invalid { path: path.into(), what: "ElementDataFile", expected, found })
    };
    let slowest = sizes.last().copied().unwrap_or(1);
    let (names, rank) = match words.as_slice() {
        ["LIST", rank @ ..] => {
            let word = rank.first().map(|word| word.trim_end_matches(['D', 'd']));
            let rank = word.map_or(Some(sizes.len() - 1), |word| word.parse().ok());
            match rank.filter(|rank| (1..sizes.len()).contains(rank)) {
                Some(rank) => (header.list.clone(), rank),
                None => return invalid(format!("LIST and 1 to {}", sizes.len() - 1), format!("{words:?}")),
            }
        }
        [pattern, numbers @ ..] if pattern.contains('%') && numbers.len() <= 3 => {
            let numbers: Option<Vec<i64>> = numbers.iter().map(|word| word.parse().ok()).collect();
            let Some(numbers) = numbers else {
                return invalid("pattern, first, last, step".into(), format!("{:?}", header.data_file));
            };
            let first = numbers.first().copied().unwrap_or(1);
            let last = first.saturating_add(i64::try_from(slowest).unwrap_or(i64::MAX)).saturating_sub(1);
            let last = numbers.get(1).copied().unwrap_or(last);
            let step = numbers.get(2).copied().unwrap_or(1);
            (stored::numbered(path, pattern, [first, last, step])?, sizes.len() - 1)
        }
        _ => return Ok(vec![stored::beside(path, &header.data_file, options.data_anywhere)?]),
    };
    let expected: usize = sizes.iter().skip(rank).product();
    if names.len() != expected {
        return invalid(format!("{expected} files"), names.len().to_string());
    }
    names.iter().map(|name| stored::beside(path, name, options.data_anywhere)).collect()
}

fn report(header: &Header, data_files: Vec<PathBuf>, options: &ReadOptions) -> Report {
    let mut notes = header.notes.clone();
    let (slope, inter) = (header.slope, header.intercept);
    let usable = slope.is_finite() && slope != 0.0 && inter.is_finite();
    let scaling = (usable && (slope != 1.0 || inter != 0.0)).then_some(Scaling { slope, inter });
    if !usable {
        notes.push(Note::ScalingIgnored);
    } else if scaling.is_some() && !options.stored_values {
        notes.push(Note::ScalingApplied);
    }
    Report {
        number_type: header.number,
        byte_order: header.order,
        text: header.text,
        compressed: header.compressed,
        scaling,
        components: header.components,
        volumes: header.components * header.sizes.get(3).copied().unwrap_or(1),
        fields: header.fields.clone(),
        data_files,
        notes,
    }
}
