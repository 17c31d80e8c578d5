//! Reading files.

use std::path::{Path, PathBuf};

use medcore::{Geometry, Matrix3, Scalar, Volume};

use super::axes::Axes;
use super::header::Header;
use super::options::ReadOptions;
use super::report::{Encoding, Note, Report};
use crate::error::{Error, Result};
use crate::stored::{self, ByteOrder, Layout, Lines, Part, Place, Source, Start};

/// What messages call a file that is in memory.
const MEMORY: &str = "<bytes>";

/// Reads a volume with the default [`ReadOptions`].
///
/// # Errors
/// [`Error::Io`]; [`Error::Truncated`] when a file ends early; [`Error::Invalid`] when it is no NRRD file or breaks a rule;
/// [`Error::Unsupported`] for what this crate does not read, several volumes without a choice among them;
/// [`Error::Geometry`] when the directions have no inverse or are not finite.
pub fn read(path: impl AsRef<Path>) -> Result<Volume<f32>> {
    read_as(path)
}

/// Reads a volume as numbers of type `T`. Integers become integers exactly where they fit and saturate elsewhere; all other
/// conversions are those of [`Scalar`].
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

/// Reads a volume from the bytes of a file with an attached header.
///
/// ```
/// use medio::nrrd::{ReadOptions, from_bytes};
/// let file = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 1\nencoding: raw\nspace: left-posterior-superior\n\
///     space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (0,0,0)\n\n\x01\x02\x03\x04";
/// let (volume, report) = from_bytes::<u8>(file, &ReadOptions::default())?;
/// assert_eq!(volume.as_slice(), [1, 2, 3, 4]);
/// assert_eq!(report.version, 4);
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
    axes: Axes,
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
        let axes = Axes::new(&header, path)?;
        let mut notes = header.notes.clone();
        let geometry = axes.geometry(&header, path, &mut notes)?;
        let files = match (&place, &header.data_file) {
            (_, None) => Vec::new(),
            (Place::File(_), Some(value)) => data_files(&header, value, path, options)?,
            (Place::Memory(_), Some(_)) => {
                let found = "in another file".into();
                return Err(Error::Unsupported { path: path.into(), what: "NRRD data", found });
            }
        };
        let parts = parts(&header, &files, place);
        let report = report(&header, &axes, files, notes);
        Ok(Self { path, header, axes, geometry, parts, report })
    }

    pub(super) fn load<T: Scalar>(mut self, options: &ReadOptions) -> Result<(Volume<T>, Report)> {
        let volume = self.choose(options.volume)?;
        let (inner, outer) = (volume % self.axes.inner, volume / self.axes.inner);
        let mut source = self.source(inner)?;
        let count = self.geometry.voxels();
        let bytes = (count * self.header.number.size()) as u64;
        source.skip_to(outer as u64 * bytes, "the voxel data")?;
        let order = match self.header.encoding {
            Encoding::Text => ByteOrder::Little,
            _ => self.header.order.unwrap_or(ByteOrder::Little),
        };
        let voxels = stored::voxels(&mut source, self.header.number, order, None, count)?;
        if outer + 1 == self.axes.outer {
            let bytes = source.drain()?.saturating_mul(self.axes.inner as u64);
            if bytes > 0 {
                self.report.notes.push(Note::TrailingBytes { bytes });
            }
        }
        let volume = Volume::from_vec(voxels, self.geometry)
            .map_err(|source| Error::Geometry { path: self.path.into(), source })?;
        Ok((volume, self.report))
    }

    fn choose(&self, volume: Option<usize>) -> Result<usize> {
        match (volume, self.axes.volumes()) {
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
        let numbers: u64 = self.report.sizes.iter().map(|&n| n as u64).product();
        let layout = Layout {
            encoding: match self.header.encoding {
                Encoding::Raw => stored::Encoding::Raw,
                Encoding::Gzip => stored::Encoding::Deflate,
                Encoding::Text => stored::Encoding::Text,
                Encoding::Hex => stored::Encoding::Hex,
            },
            number: self.header.number,
            count: numbers / self.parts.len().max(1) as u64,
            pick: (component, self.axes.inner),
        };
        stored::encoded_source(self.path, self.parts.clone(), layout)
    }
}

/// Where the voxels are: after the header, or in the data files.
fn parts<'a>(header: &Header, files: &[PathBuf], place: Place<'a>) -> Vec<Part<'a>> {
    let start = |offset| match header.byte_skip {
        Some(bytes) => Start::After { offset, lines: header.line_skip, bytes },
        None => Start::AtEnd,
    };
    if header.data_file.is_none() {
        return vec![Part { place, start: start(header.end), stored: None }];
    }
    let part = |file: &PathBuf| Part { place: Place::File(file.clone()), start: start(0), stored: None };
    files.iter().map(part).collect()
}

/// The files that `data file` names: one, those of a pattern, or those of a list.
fn data_files(header: &Header, value: &str, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let invalid = |expected: String, found: String| {
        Err(Error::Invalid { path: path.into(), what: "NRRD data file", expected, found })
    };
    let (names, rank) = match words.as_slice() {
        ["LIST", rank @ ..] => (header.list.clone(), rank.first()),
        ["SKIPLIST", ..] => {
            let found = "SKIPLIST".into();
            return Err(Error::Unsupported { path: path.into(), what: "NRRD data file", found });
        }
        [pattern, numbers @ ..] if pattern.contains('%') && numbers.len() >= 3 => {
            let parse = |i: usize| numbers.get(i).and_then(|word| word.parse::<i64>().ok());
            let (Some(first), Some(last), Some(step)) = (parse(0), parse(1), parse(2)) else {
                return invalid("pattern, first, last, step".into(), format!("{value:?}"));
            };
            (stored::numbered(path, pattern, [first, last, step])?, numbers.get(3))
        }
        _ => return Ok(vec![stored::beside(path, value, options.data_anywhere)?]),
    };
    let sizes: Vec<usize> = header.axes.iter().map(|axis| axis.size).collect();
    let rank = match rank {
        None => sizes.len() - 1,
        Some(word) => match word.parse() {
            Ok(rank) if (1..=sizes.len()).contains(&rank) => rank,
            _ => return invalid(format!("a dimension of 1 to {}", sizes.len()), format!("{word:?}")),
        },
    };
    // Files of all dimensions hold parts of the slowest axis; others hold all of the first axes.
    let fits = match sizes.get(rank..).unwrap_or_default() {
        [] => sizes.last().is_some_and(|&n| !names.is_empty() && n % names.len() == 0),
        rest => rest.iter().product::<usize>() == names.len(),
    };
    if !fits {
        return invalid(
            format!("files that share out the sizes {sizes:?}"),
            format!("{} files", names.len()),
        );
    }
    names.iter().map(|name| stored::beside(path, name, options.data_anywhere)).collect()
}

fn report(header: &Header, axes: &Axes, data_files: Vec<PathBuf>, notes: Vec<Note>) -> Report {
    let texts = |get: fn(&super::header::Axis) -> &String| -> Vec<String> {
        let all: Vec<String> = header.axes.iter().map(|axis| get(axis).clone()).collect();
        if all.iter().all(String::is_empty) { Vec::new() } else { all }
    };
    Report {
        version: header.version,
        number_type: header.number,
        byte_order: header.order,
        encoding: header.encoding,
        volumes: axes.volumes(),
        sizes: header.axes.iter().map(|axis| axis.size).collect(),
        kinds: texts(|axis| &axis.kind),
        centerings: texts(|axis| &axis.centering),
        space: header.space.clone(),
        measurement_frame: header.measurement_frame.as_deref().and_then(matrix),
        content: header.content.clone(),
        key_values: header.key_values.clone(),
        comments: header.comments.clone(),
        data_files,
        notes,
    }
}

fn matrix(columns: &[Vec<f64>]) -> Option<Matrix3> {
    let [a, b, c] = columns else { return None };
    let [a, b, c] = [a, b, c].map(|column| <[f64; 3]>::try_from(column.as_slice()).ok());
    let columns = [a?, b?, c?];
    Some(std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row])))
}
