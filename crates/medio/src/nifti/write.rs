//! Writing files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use medcore::{Geometry, Scalar, Volume};

use super::datatype::DataType;
use super::encode::{self, Content, MAX_EXTENT};
use super::header::Container;
use super::pair;
use super::report::Version;
use super::series::VolumeSeries;
use super::storage::Storage;
use super::time::TimeAxis;
use super::write_options::{WriteOptions, WriteReport};
use crate::error::{Error, Result};
use crate::stored::{GzipWriter, NumberType, write_atomically};

/// Voxels brought to bytes at a time.
const BLOCK: usize = 1 << 16;
/// `NIFTI_INTENT_LABEL`.
pub(super) const INTENT_LABEL: i32 = 1002;

/// Writes a volume with the default [`WriteOptions`].
///
/// The values are stored in their own type without scaling, little endian, as NIfTI-1 where the extents allow. The affine goes
/// into the sform (code 1, scanner), rounded to `f32`, and also into the qform where that can express it; the qform cannot
/// hold a shear such as gantry tilt and is then left out. The name is taken as it is and says what is written: `.nii`, or
/// `.hdr` or `.img` for a pair, compressed with `.gz` behind it. A file of that name is replaced, in one step: the new one is
/// complete before it takes the name. Of a pair the image comes first, then the header.
///
/// # Errors
/// [`Error::Invalid`] for another extension; [`Error::Geometry`] for an affine that is lost in `f32`; [`Error::Io`].
pub fn write<T: Scalar>(path: impl AsRef<Path>, volume: &Volume<T>) -> Result<()> {
    write_with(path, volume, &WriteOptions::default()).map(|_| ())
}

/// Writes a volume.
///
/// # Errors
/// As [`write()`], and [`Error::Unsupported`] for an extent above 32 767 in NIfTI-1 or for extensions of more than 16 MB;
/// [`Error::Invalid`] for options that do not fit the format or the volume: NaN or infinite values stored as integers, a
/// slope that is 0 or not finite, a description that is too long.
pub fn write_with<T: Scalar>(
    path: impl AsRef<Path>,
    volume: &Volume<T>,
    options: &WriteOptions,
) -> Result<WriteReport> {
    let image = Image {
        geometry: volume.geometry(),
        further_extents: &[],
        time: None,
        datatype: None,
        voxels: vec![volume.as_slice()],
    };
    image.write(path.as_ref(), options)
}

/// Writes several volumes into one file, with the extents and the time axis of the series.
///
/// # Errors
/// As [`write_with`].
pub fn write_series<T: Scalar>(
    path: impl AsRef<Path>,
    series: &VolumeSeries<T>,
    options: &WriteOptions,
) -> Result<WriteReport> {
    let path = path.as_ref();
    let Some(geometry) = series.geometry() else {
        let (what, expected) = ("a series", "at least one volume".into());
        return Err(Error::Invalid { path: path.into(), what, expected, found: "none".into() });
    };
    let image = Image {
        geometry,
        further_extents: series.further_extents(),
        time: series.time(),
        datatype: None,
        voxels: series.volumes().iter().map(Volume::as_slice).collect(),
    };
    image.write(path, options)
}

/// Writes the numbers of voxels that have several each, one after the other.
pub(super) fn write_compound<T: Scalar>(
    path: &Path,
    geometry: &Geometry,
    datatype: DataType,
    numbers: &[T],
    options: &WriteOptions,
) -> Result<WriteReport> {
    if let Some(number) = options.number {
        let (what, expected) = ("type of the stored numbers", format!("none chosen for {datatype:?}"));
        return Err(Error::Invalid { path: path.into(), what, expected, found: format!("{number:?}") });
    }
    let datatype = Some(datatype);
    let image = Image { geometry, further_extents: &[], time: None, datatype, voxels: vec![numbers] };
    image.write(path, options)
}

/// That the volumes whose voxels are stored together lie on one grid.
pub(super) fn check_grids<'a>(
    path: &Path,
    geometry: &Geometry,
    others: impl IntoIterator<Item = &'a Geometry>,
) -> Result<()> {
    if others.into_iter().all(|other| other == geometry) {
        return Ok(());
    }
    let (what, expected) = ("the grids of volumes that are stored together", "one grid".into());
    Err(Error::Invalid { path: path.into(), what, expected, found: "different ones".into() })
}

struct Image<'a, T> {
    geometry: &'a Geometry,
    further_extents: &'a [usize],
    time: Option<TimeAxis>,
    /// Where a voxel has more than one number.
    datatype: Option<DataType>,
    /// Of each volume.
    voxels: Vec<&'a [T]>,
}

impl<T: Scalar> Image<'_, T> {
    fn write(&self, path: &Path, options: &WriteOptions) -> Result<WriteReport> {
        let names = Names::new(path)?;
        let version = self.version(options);
        let (storage, max_error) = self.storage(version, options, path)?;
        let number = storage.map_or(NumberType::of::<T>(), |s| s.number);
        let scaling = storage.and_then(|s| s.scaling);
        let content = Content {
            geometry: self.geometry,
            further_extents: self.further_extents,
            time: self.time,
            datatype: self.datatype.unwrap_or(DataType::from_number(number)),
            scaling,
        };
        let container = if names.image.is_some() { Container::Pair } else { Container::Single };
        let header = encode::header(&content, version, container, options, path)?;
        let level = names.compressed.then_some(options.level);
        match &names.image {
            Some(image) => {
                save(image, level, |out| self.write_voxels(out, storage))?;
                save(&names.header, level, |out| out.write_all(&header))?;
            }
            None => save(&names.header, level, |out| {
                out.write_all(&header)?;
                self.write_voxels(out, storage)
            })?,
        }
        Ok(WriteReport { version, scaling, max_error })
    }

    fn version(&self, options: &WriteOptions) -> Version {
        let size = self.geometry.size();
        let long = size.iter().chain(self.further_extents).any(|&extent| extent > MAX_EXTENT);
        options.version.unwrap_or(if long { Version::Nifti2 } else { Version::Nifti1 })
    }

    /// How values are stored, where not as they are, and what that costs.
    fn storage(
        &self,
        version: Version,
        options: &WriteOptions,
        path: &Path,
    ) -> Result<(Option<Storage>, f64)> {
        let Some(number) = options.number else { return Ok((None, 0.0)) };
        let invalid = |what, expected: &str, found: &str| Error::Invalid {
            path: path.into(),
            what,
            expected: expected.into(),
            found: found.into(),
        };
        let storage = match options.scaling {
            Some(scaling) => Storage::given(number, version, scaling),
            None if number == NumberType::of::<T>() => return Ok((None, 0.0)),
            None => Storage::choose(number, version, &self.voxels),
        };
        if let Some(s) = storage.scaling
            && (s.slope == 0.0 || !s.slope.is_finite() || !s.inter.is_finite())
        {
            let found = format!("{} and {}", s.slope, s.inter);
            return Err(invalid("slope and intercept", "finite, and a slope that is not 0", &found));
        }
        let mut max_error = 0f64;
        for block in self.blocks() {
            let error = storage.max_error(&doubles(block));
            let error =
                error.map_err(|_| invalid("a voxel to store as integer", "a finite number", "none"))?;
            max_error = max_error.max(error);
        }
        Ok((Some(storage), max_error))
    }

    fn blocks(&self) -> impl Iterator<Item = &[T]> {
        self.voxels.iter().flat_map(|voxels| voxels.chunks(BLOCK))
    }

    fn write_voxels(&self, out: &mut dyn Write, storage: Option<Storage>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for block in self.blocks() {
            bytes.clear();
            match storage {
                Some(storage) => storage.encode(&doubles(block), &mut bytes),
                None => T::extend_le_bytes(block, &mut bytes),
            }
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}

fn doubles<T: Scalar>(values: &[T]) -> Vec<f64> {
    values.iter().map(|v| v.to_f64()).collect()
}

fn save(path: &Path, level: Option<u32>, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_atomically(path, |out| match level {
        Some(level) => {
            let mut out = GzipWriter::new(out, level)?;
            write(&mut out)?;
            out.finish()
        }
        None => write(out),
    })
}

/// The files that a name stands for.
struct Names {
    /// The only file, or the header of a pair.
    header: PathBuf,
    image: Option<PathBuf>,
    compressed: bool,
}

impl Names {
    fn new(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (base, compressed) = name.strip_suffix(".gz").map_or((name.as_str(), false), |base| (base, true));
        if base.ends_with(".nii") {
            return Ok(Self { header: path.into(), image: None, compressed });
        }
        for kind in [".hdr", ".img"] {
            if base.ends_with(kind) {
                return Ok(Self::pair(path, compressed));
            }
        }
        let found = path.extension().map_or_else(String::new, |e| format!(".{}", e.to_string_lossy()));
        Err(Error::Invalid {
            path: path.into(),
            what: "file extension",
            expected: ".nii, .hdr or .img, with or without .gz".into(),
            found: format!("{found:?}"),
        })
    }

    fn pair(path: &Path, compressed: bool) -> Self {
        let other = |kinds| {
            let names = pair::renamed(path, kinds);
            names.map_or_else(|| path.into(), |(plain, gzip)| if compressed { gzip } else { plain })
        };
        Self { header: other(["img", "hdr"]), image: Some(other(["hdr", "img"])), compressed }
    }
}
