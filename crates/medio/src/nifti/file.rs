//! A file whose header has been read, with its voxels still to come.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use medcore::{Affine3, Geometry, Scalar, Volume, Voxel};

use super::affine;
use super::datatype::DataType;
use super::extension;
use super::extents::Extents;
use super::header::{Container, EXTENDER, Header};
use super::options::ReadOptions;
use super::pair;
use super::report::{Note, Report, Version};
use super::time::{TimeAxis, TimeUnit};
use crate::error::{Error, Result};
use crate::stored::{Coding, NumberType, Raw, Runs, Scaling, Source, read_runs, voxels};

/// What messages call a file that is in memory.
const MEMORY: &str = "<bytes>";
/// The header file of a pair holds extensions after its header: no more of it than this is read.
const MOST_EXTENSIONS: u64 = 1 << 28;

/// An open file: its header has been read and checked, its voxels are read as they are asked for.
///
/// Of a plain file only the bytes of the voxels asked for are read. A compressed one is inflated from its start to the last of
/// them each time: read a whole volume or series at once there.
///
/// ```no_run
/// let file = medio::nifti::open("functional.nii")?;
/// println!("{} volumes of {:?} voxels", file.volumes(), file.geometry().size());
/// let slice = file.read_slice::<f32>(20, 0)?;
/// let part = file.read_region::<f32>([10..20, 0..64, 0..64], 99)?;
/// # Ok::<(), medio::Error>(())
/// ```
#[derive(Debug)]
pub struct NiftiFile<'a> {
    /// Of the file with the voxels.
    path: PathBuf,
    raw: Arc<Raw<'a>>,
    stored: u64,
    /// Where the voxels start.
    offset: u64,
    extents: Extents,
    geometry: Geometry,
    options: ReadOptions,
    report: Report,
}

/// Opens a file with the default [`ReadOptions`]; of a `.hdr`/`.img` pair either one.
///
/// # Errors
/// [`Error::Io`]; [`Error::Truncated`] when the file ends early; [`Error::Invalid`] when it is no NIfTI file or breaks a rule;
/// [`Error::Unsupported`] for a number type that this crate does not read; [`Error::Geometry`] when no transform has an
/// inverse and is finite.
pub fn open(path: impl AsRef<Path>) -> Result<NiftiFile<'static>> {
    NiftiFile::open(path, &ReadOptions::default())
}

impl NiftiFile<'static> {
    /// Opens a file; of a `.hdr`/`.img` pair either one. The `volume` option does not matter here.
    ///
    /// # Errors
    /// As [`open`], and [`Error::Invalid`] for transforms that disagree by more than the option allows.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let header_path = pair::header_of(path.as_ref());
        let (raw, stored) = Raw::open(&header_path)?;
        let mut source = Source::new(&header_path, Arc::clone(&raw), stored)?;
        let header = Header::read(&mut source)?;
        if header.container == Container::Single {
            return Self::prepare(&header, source, None, options, (raw, stored));
        }
        // A header may have any name when its image is what was asked for.
        let image = if header_path == path.as_ref() {
            pair::image_of(&header_path).ok_or_else(|| half(&header, &header_path))?
        } else {
            path.as_ref().to_path_buf()
        };
        let (raw, stored) = Raw::open(&image)?;
        let image = Source::new(&image, Arc::clone(&raw), stored)?;
        Self::prepare(&header, source, Some(image), options, (raw, stored))
    }
}

impl<'a> NiftiFile<'a> {
    /// The bytes of a file, compressed or not.
    ///
    /// # Errors
    /// As [`NiftiFile::open`], and [`Error::Unsupported`] for the header of a pair.
    pub fn from_bytes(bytes: &'a [u8], options: &ReadOptions) -> Result<Self> {
        let mut source = Source::from_bytes(Path::new(MEMORY), bytes)?;
        let header = Header::read(&mut source)?;
        if header.container == Container::Pair {
            return Err(half(&header, source.path()));
        }
        Self::prepare(&header, source, None, options, Raw::memory(bytes))
    }

    /// The bytes of the two files of a pair, each compressed or not.
    ///
    /// # Errors
    /// As [`NiftiFile::open`].
    pub fn from_pair_bytes(header: &'a [u8], image: &'a [u8], options: &ReadOptions) -> Result<Self> {
        let mut source = Source::from_bytes(Path::new(MEMORY), header)?;
        let header = Header::read(&mut source)?;
        let voxels = Source::from_bytes(Path::new(MEMORY), image)?;
        Self::prepare(&header, source, Some(voxels), options, Raw::memory(image))
    }

    /// `source` has just read the header; `image` is the second file of a pair.
    fn prepare(
        header: &Header,
        mut source: Source<'_>,
        image: Option<Source<'_>>,
        options: &ReadOptions,
        (raw, stored): (Arc<Raw<'a>>, u64),
    ) -> Result<Self> {
        let mut notes = Vec::new();
        let extents = Extents::new(header, source.path(), &mut notes)?;
        let offset = data_offset(header, source.path(), image.is_none(), &mut notes)?;
        let voxels = image.as_ref().unwrap_or(&source);
        let bytes = (extents.voxels() * extents.volumes * header.datatype.size()) as u64;
        voxels.check_room(offset, "the header up to vox_offset")?;
        voxels.check_room(offset.saturating_add(bytes), "the voxel data")?;
        let (path, compressed) = (voxels.path().to_path_buf(), voxels.compressed());
        let extensions = extensions(&mut source, header, image.is_none().then_some(offset), &mut notes)?;
        if header.bitpix != 8 * header.datatype.size() as i32 {
            let expected = 8 * header.datatype.size() as u32;
            notes.push(Note::BitpixMismatch { expected, found: header.bitpix });
        }
        let placement = affine::placement(header, extents.size, options.precedence, &mut notes)
            .map_err(|e| Error::Geometry { path: path.clone(), source: e })?;
        check_agreement(placement.disagreement_mm, options, &path)?;
        let report = Report {
            version: header.version,
            byte_order: header.order,
            compressed,
            datatype: header.datatype,
            scaling: scaling(header, &mut notes),
            volumes: extents.volumes,
            further_extents: extents.further.clone(),
            time: (!extents.further.is_empty()).then_some(TimeAxis {
                start: header.time_start,
                step: header.pixdim[4],
                unit: TimeUnit::from_code(header.units),
            }),
            sform_code: header.sform_code,
            qform_code: header.qform_code,
            intent: header.intent,
            description: header.description.clone(),
            extensions,
            transform: placement.transform,
            disagreement_mm: placement.disagreement_mm,
            notes,
        };
        Ok(Self {
            path,
            raw,
            stored,
            offset,
            extents,
            geometry: placement.geometry,
            options: *options,
            report,
        })
    }

    /// Where the voxels of every volume are.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// What the file is like. What lies behind the voxels is not known yet.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// How many volumes there are.
    pub const fn volumes(&self) -> usize {
        self.report.volumes
    }

    /// One volume, scaled, as numbers of type `T`; the first has index 0, `dim[4]` counts fastest.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an index that is not there or a damaged gzip stream; [`Error::Unsupported`] for colour, and for
    /// complex numbers without the `complex` option; [`Error::Truncated`]; [`Error::Io`].
    pub fn read_volume<T: Scalar>(&self, volume: usize) -> Result<Volume<T>> {
        self.volume(&mut self.source()?, volume)
    }

    /// One slice of a volume, as a volume of one slice with its own geometry.
    ///
    /// # Errors
    /// As [`read_region`](Self::read_region).
    pub fn read_slice<T: Scalar>(&self, slice: usize, volume: usize) -> Result<Volume<T>> {
        let [_, rows, columns] = self.extents.size;
        self.read_region([slice..slice.saturating_add(1), 0..rows, 0..columns], volume)
    }

    /// A part of a volume with its own geometry. `region` is `[slices, rows, columns]`.
    ///
    /// # Errors
    /// As [`read_volume`](Self::read_volume), and [`Error::Geometry`] with [`medcore::Error::OutOfBounds`] when it is empty
    /// or does not lie in the volume.
    pub fn read_region<T: Scalar>(&self, region: [Range<usize>; 3], volume: usize) -> Result<Volume<T>> {
        let [slices, rows, columns] = &region;
        let inside = region.iter().zip(self.extents.size).all(|(r, n)| r.start < r.end && r.end <= n);
        if !inside {
            let source = medcore::Error::OutOfBounds {
                start: region.iter().map(|r| r.start).collect(),
                end: region.iter().map(|r| r.end).collect(),
                size: self.extents.size.to_vec(),
            };
            return Err(self.geometry_error(source));
        }
        let [_, row_count, column_count] = self.extents.size;
        let voxel = self.report.datatype.size() as u64;
        let row = column_count as u64 * voxel;
        let slice = row_count as u64 * row;
        let within = slices.start as u64 * slice + rows.start as u64 * row + columns.start as u64 * voxel;
        let mut runs = Runs {
            start: self.start(volume)? + within,
            len: columns.len(),
            inner: (rows.len(), row),
            outer: (slices.len(), slice),
        };
        // What lies side by side is read in one go.
        if columns.len() == column_count {
            runs = Runs { len: runs.len * rows.len(), inner: (1, 0), ..runs };
            if rows.len() == row_count {
                runs = Runs { len: runs.len * slices.len(), outer: (1, 0), ..runs };
            }
        }
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let first = [columns.start, rows.start, slices.start].map(|n| n as f64);
        let size = [slices.len(), rows.len(), columns.len()];
        let geometry = self
            .geometry
            .with_voxel_map(size, &Affine3::<Voxel, Voxel>::new(identity, first))
            .map_err(|e| self.geometry_error(e))?;
        let voxels = self.numbers(&mut self.source()?, &runs)?;
        Volume::from_vec(voxels, geometry).map_err(|e| self.geometry_error(e))
    }

    /// The volume of the options, and the report with what lies behind the voxels when it is the last one.
    pub(super) fn load<T: Scalar>(mut self) -> Result<(Volume<T>, Report)> {
        let volume = self.extents.choose(self.options.volume, &self.path)?;
        let mut source = self.source()?;
        let voxels = self.volume(&mut source, volume)?;
        let notes = if volume + 1 == self.volumes() { behind(&mut source)? } else { Vec::new() };
        drop(source);
        self.report.notes.extend(notes);
        Ok((voxels, self.report))
    }

    /// All volumes in order.
    pub(super) fn load_all<T: Scalar>(&self) -> Result<(Vec<Volume<T>>, Vec<Note>)> {
        let mut source = self.source()?;
        let volumes: Result<_> = (0..self.volumes()).map(|i| self.volume(&mut source, i)).collect();
        Ok((volumes?, behind(&mut source)?))
    }

    /// The components of a colour volume, interleaved.
    pub(super) fn load_colour(mut self) -> Result<(Vec<u8>, Geometry, Report)> {
        let volume = self.extents.choose(self.options.volume, &self.path)?;
        let components = self.report.datatype.components();
        if components < 3 {
            let found = format!("{:?}", self.report.datatype);
            return Err(Error::Unsupported { path: self.path, what: "as colour: NIfTI datatype", found });
        }
        let count = self.extents.voxels() * components;
        let mut source = self.source()?;
        source.skip_to(self.start(volume)?, "the voxel data")?;
        let bytes = voxels(&mut source, NumberType::U8, self.report.byte_order, None, count)?;
        let notes = if volume + 1 == self.volumes() { behind(&mut source)? } else { Vec::new() };
        drop(source);
        self.report.notes.extend(notes);
        Ok((bytes, self.geometry, self.report))
    }

    fn source(&self) -> Result<Source<'_>> {
        Source::new(&self.path, Arc::clone(&self.raw), self.stored)
    }

    /// Where a volume starts.
    fn start(&self, volume: usize) -> Result<u64> {
        let index = self.extents.choose(Some(volume), &self.path)?;
        Ok(self.offset + (self.extents.voxels() * self.report.datatype.size() * index) as u64)
    }

    fn volume<T: Scalar>(&self, source: &mut Source<'_>, volume: usize) -> Result<Volume<T>> {
        let runs = Runs::one(self.start(volume)?, self.extents.voxels());
        let voxels = self.numbers(source, &runs)?;
        Volume::from_vec(voxels, self.geometry).map_err(|e| self.geometry_error(e))
    }

    /// Voxels as real numbers. `runs` counts voxels.
    fn numbers<T: Scalar>(&self, source: &mut Source<'_>, runs: &Runs) -> Result<Vec<T>> {
        let refuse = |found: &str| Error::Unsupported {
            path: self.path.clone(),
            what: "NIfTI datatype",
            found: format!("{} ({found})", self.report.datatype.code()),
        };
        match (self.report.datatype, self.options.complex) {
            (DataType::Rgb24 | DataType::Rgba32, _) => {
                Err(refuse("RGB or RGBA colour, which `read_color` reads"))
            }
            (DataType::Complex64 | DataType::Complex128, None) => {
                Err(refuse("complex; choose a part with the `complex` option"))
            }
            (DataType::Complex64 | DataType::Complex128, Some(part)) => {
                // nifti1.h, "DATA SCALING": both parts are scaled.
                let runs = Runs { len: 2 * runs.len, ..*runs };
                let parts: Vec<f64> = read_runs(source, self.coding(), &runs)?;
                let (pairs, _) = parts.as_chunks();
                Ok(pairs.iter().map(|[re, im]| T::from_f64(part.of(*re, *im))).collect())
            }
            _ => read_runs(source, self.coding(), runs),
        }
    }

    fn coding(&self) -> Coding {
        let Report { datatype, byte_order, scaling, .. } = self.report;
        Coding { number: datatype.number(), order: byte_order, scaling }
    }

    fn geometry_error(&self, source: medcore::Error) -> Error {
        Error::Geometry { path: self.path.clone(), source }
    }
}

fn half(header: &Header, path: &Path) -> Error {
    let (what, found) = match header.version {
        Version::Analyze75 => ("header without NIfTI magic and without an image:", "ANALYZE 7.5"),
        _ => ("NIfTI header without its image:", "the .hdr of a .hdr/.img pair"),
    };
    Error::Unsupported { path: path.into(), what, found: found.into() }
}

fn check_agreement(mm: Option<f64>, options: &ReadOptions, path: &Path) -> Result<()> {
    match (mm, options.max_disagreement_mm) {
        (Some(found), Some(most)) if found.is_nan() || found > most => Err(Error::Invalid {
            path: path.into(),
            what: "distance between the NIfTI sform and qform",
            expected: format!("at most {most} mm"),
            found: format!("{found} mm"),
        }),
        _ => Ok(()),
    }
}

/// What lies behind the last voxel.
fn behind(source: &mut Source<'_>) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    let bytes = source.drain()?;
    if bytes > 0 {
        notes.push(Note::TrailingBytes { bytes });
    }
    if source.after_gzip() > 0 {
        notes.push(Note::BytesAfterGzip { bytes: source.after_gzip() });
    }
    Ok(notes)
}

/// Where the first voxel is.
fn data_offset(header: &Header, path: &Path, single: bool, notes: &mut Vec<Note>) -> Result<u64> {
    let least = if single { (header.size() + EXTENDER) as u64 } else { 0 };
    let found = header.vox_offset;
    if found == 0.0 {
        if single {
            notes.push(Note::VoxOffsetAssumed { used: least });
        }
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

/// The first byte after the header is not 0 where extensions follow (`nifti1.h`, `struct nifti1_extender`), up to the voxels or
/// to the end of the header file of a pair.
fn extensions(
    source: &mut Source<'_>,
    header: &Header,
    voxels: Option<u64>,
    notes: &mut Vec<Note>,
) -> Result<Vec<extension::Extension>> {
    if header.version == Version::Analyze75 {
        return Ok(Vec::new());
    }
    let first = (header.size() + EXTENDER) as u64;
    let bytes = match voxels {
        Some(offset) => {
            let mut extender = [0; EXTENDER];
            source.read_exact(&mut extender, "the bytes after the NIfTI header")?;
            if extender[0] == 0 {
                return Ok(Vec::new());
            }
            let len = usize::try_from(offset.saturating_sub(first)).unwrap_or(usize::MAX);
            source.read_vec(len, "the NIfTI header extensions")?
        }
        None => {
            let rest = source.read_rest(MOST_EXTENSIONS)?;
            match rest.split_first_chunk::<EXTENDER>() {
                Some(([flag, ..], rest)) if *flag != 0 => rest.to_vec(),
                _ => return Ok(Vec::new()),
            }
        }
    };
    Ok(extension::parse(&bytes, header.order, notes))
}

/// The scaling that changes anything (`nifti1.h`, "DATA SCALING": a slope of 0 means none, and colour has none).
fn scaling(header: &Header, notes: &mut Vec<Note>) -> Option<Scaling> {
    let Header { slope, inter, datatype, .. } = *header;
    if slope == 0.0 || matches!(datatype, DataType::Rgb24 | DataType::Rgba32) {
        return None;
    }
    if !slope.is_finite() || !inter.is_finite() {
        notes.push(Note::ScalingIgnored { slope, inter });
        return None;
    }
    (slope != 1.0 || inter != 0.0).then_some(Scaling { slope, inter })
}
