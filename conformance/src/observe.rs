//! The one place that knows the interface of medio: from a path to [`Observation`]s, and from damaged bytes to a verdict.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use medcore::{Geometry, Scalar, Volume};
use medio::dicom::{self, Study};
use medio::{nifti, nrrd};

use crate::observation::{Observation, Outcome, Values, hash_bytes, little_endian};

/// A reader of medio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `medio::dicom`.
    Dicom,
    /// `medio::nifti`.
    Nifti,
    /// `medio::nrrd`.
    Nrrd,
}

impl Format {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dicom => "dicom",
            Self::Nifti => "nifti",
            Self::Nrrd => "nrrd",
        }
    }

    /// By the first bytes of a file, decompressed; what is nothing else is for the DICOM reader to refuse.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // The preamble of a DICOM file may be the header of another format.
        if bytes.get(128..132) == Some(b"DICM".as_slice()) {
            return Self::Dicom;
        }
        if bytes.starts_with(b"NRRD") {
            return Self::Nrrd;
        }
        let sizes = [348i32, 540].map(|n| [n.to_le_bytes(), n.to_be_bytes()]);
        if sizes.iter().flatten().any(|size| bytes.starts_with(size)) { Self::Nifti } else { Self::Dicom }
    }

    /// Whether a file of this format can tell that its end is missing. NRRD with a byte skip of -1 has its data at the end,
    /// wherever that is; NRRD in text may end within its last number.
    #[must_use]
    pub fn tells_its_end(self, bytes: &[u8]) -> bool {
        let header = String::from_utf8_lossy(bytes.get(..1 << 12).unwrap_or(bytes));
        let signs = ["byte skip: -1", "encoding: text", "encoding: txt", "encoding: ascii"];
        self != Self::Nrrd || !signs.iter().any(|sign| header.contains(sign))
    }

    /// Whether bytes look like this format at all.
    #[must_use]
    pub fn looks_like(self, bytes: &[u8]) -> bool {
        match self {
            Self::Dicom => {
                let data_set =
                    matches!(bytes.first_chunk::<4>(), Some([2 | 8, 0, 0..=32, 0] | [0, 8, 0, 0..=32]));
                bytes.get(128..132) == Some(b"DICM".as_slice()) || data_set
            }
            Self::Nifti | Self::Nrrd => true,
        }
    }

    fn of_file(path: &Path) -> std::io::Result<Self> {
        let mut start = Vec::new();
        File::open(path)?.take(1 << 12).read_to_end(&mut start)?;
        if start.starts_with(&[0x1f, 0x8b]) {
            let mut inside = Vec::new();
            // Whatever is wrong with it, the reader will say so.
            let _ = GzDecoder::new(start.as_slice()).take(132).read_to_end(&mut inside);
            return Ok(Self::of(&inside));
        }
        Ok(Self::of(&start))
    }
}

/// What medio says about a file, or about a folder of DICOM files. With `dump`, values go to files in that folder.
pub fn observe(path: &Path, dump: Option<&Path>) -> Vec<Observation> {
    let mut found = Found { path, dump, outcomes: Vec::new() };
    let format = if path.is_dir() { Ok(Format::Dicom) } else { Format::of_file(path) };
    match format {
        Ok(Format::Dicom) => found.dicom(),
        Ok(Format::Nifti) => found.nifti(),
        Ok(Format::Nrrd) => found.nrrd(),
        Err(source) => found.refuse(&medio::Error::Io { path: path.into(), source }),
    }
    let observation =
        |(item, outcome)| Observation { path: path.to_string_lossy().into_owned(), item, outcome };
    found.outcomes.into_iter().enumerate().map(observation).collect()
}

/// The outcomes for one path, as they come.
struct Found<'a> {
    path: &'a Path,
    dump: Option<&'a Path>,
    outcomes: Vec<Outcome>,
}

impl Found<'_> {
    fn dicom(&mut self) {
        let study = match dicom::scan(self.path) {
            Ok(study) => study,
            Err(error) => return self.refuse(&error),
        };
        for series in study.iter() {
            let (volume, report) = match series.load() {
                Ok(loaded) => loaded,
                Err(error) => {
                    self.refuse(&error);
                    continue;
                }
            };
            let placed = !report.assumed.contains(&dicom::Assumption::Position);
            let geometry = placed.then(|| *volume.geometry());
            let text = if report.is_clean() { String::new() } else { format!("{report:?}") };
            self.values("dicom", "zyx", &volume.size(), volume.as_slice(), geometry.as_ref(), text);
            let name = |file: &Path| file.strip_prefix(self.path).unwrap_or(file).display().to_string();
            let folder = self.path.is_dir();
            if let Some(Outcome::Read(values)) = self.outcomes.last_mut() {
                let images: Vec<_> = series.image_refs().collect();
                values.frames = images.iter().map(|image| image.frame.unwrap_or(1)).collect();
                values.files =
                    if folder { images.iter().map(|image| name(image.path)).collect() } else { Vec::new() };
            }
        }
        self.skipped(&study);
    }

    /// Of a folder, the images that no series has.
    fn skipped(&mut self, study: &Study) {
        for skipped in study.skipped() {
            let kind = format!("Skipped/{}", variant(&skipped.reason));
            let message = format!("{}: {}", skipped.path.display(), skipped.reason);
            self.outcomes.push(Outcome::Refused { kind, message });
        }
    }

    fn nifti(&mut self) {
        self.volumes("nifti", |path, volume| {
            let options = nifti::ReadOptions::new().volume(volume);
            let (read, report) = nifti::read_with::<f32>(path, &options)?;
            let text = format!("{:?} {:?} {:?}", report.datatype, report.transform, report.notes);
            Ok((read, report.volumes, text))
        });
    }

    fn nrrd(&mut self) {
        self.volumes("nrrd", |path, volume| {
            let (read, report) = nrrd::read_with::<f32>(path, &nrrd::ReadOptions::default().volume(volume))?;
            let text = format!("{:?} {:?} {:?}", report.number_type, report.space, report.notes);
            Ok((read, report.volumes, text))
        });
    }

    /// All volumes of a file whose reader gives one at a time, their number and a report.
    fn volumes(
        &mut self,
        format: &str,
        read: impl Fn(&Path, usize) -> medio::Result<(Volume<f32>, usize, String)>,
    ) {
        let all = read(self.path, 0).and_then(|(first, count, text)| {
            let (geometry, mut values) = (*first.geometry(), first.as_slice().to_vec());
            for volume in 1..count {
                values.extend_from_slice(read(self.path, volume)?.0.as_slice());
            }
            Ok((geometry, values, count, text))
        });
        match all {
            Ok((geometry, values, 1, text)) => {
                self.values(format, "zyx", &geometry.size(), &values, Some(&geometry), text);
            }
            Ok((geometry, values, count, text)) => {
                let [z, y, x] = geometry.size();
                self.values(format, "tzyx", &[count, z, y, x], &values, Some(&geometry), text);
            }
            Err(error) => self.refuse(&error),
        }
    }

    fn values<T: Scalar>(
        &mut self,
        format: &str,
        axes: &str,
        shape: &[usize],
        values: &[T],
        geometry: Option<&Geometry>,
        report: String,
    ) {
        let mut found = Values { report, ..Values::new(format, axes, shape, values) };
        if let Some(geometry) = geometry {
            found = found.placed(geometry);
        }
        if let Some(folder) = self.dump {
            let name = hash_bytes(self.path.to_string_lossy().as_bytes());
            let file = folder.join(format!("{name}-{}.f32", self.outcomes.len()));
            match dump(&file, values) {
                Ok(()) => found.dump = Some(file.to_string_lossy().into_owned()),
                Err(error) => found.report.push_str(&format!(" (not dumped: {error})")),
            }
        }
        self.outcomes.push(Outcome::Read(Box::new(found)));
    }

    fn refuse(&mut self, error: &medio::Error) {
        self.outcomes.push(Outcome::Refused { kind: kind(error), message: error.to_string() });
    }
}

fn dump<T: Scalar>(file: &Path, values: &[T]) -> std::io::Result<()> {
    let mut out = File::create(file)?;
    let mut result = Ok(());
    little_endian(values, |bytes| {
        if result.is_ok() {
            result = out.write_all(bytes);
        }
    });
    result
}

/// The name of an error's variant, and of the reason in it.
#[must_use]
pub fn kind(error: &medio::Error) -> String {
    match error {
        medio::Error::NoImages { skipped, .. } => match skipped.first() {
            Some(first) => format!("NoImages/{}", variant(&first.reason)),
            None => "NoImages".into(),
        },
        _ => variant(error),
    }
}

/// The name of the variant of an enum.
fn variant(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}

/// Sends bytes through the scan of DICOM headers. `Ok` has how many series were found.
///
/// # Errors
/// The [`kind`] of the error that medio gave.
pub fn scan_bytes(bytes: &[u8]) -> Result<usize, String> {
    let study = dicom::scan_bytes([("input".to_string(), bytes.to_vec())]).map_err(|e| kind(&e))?;
    Ok(study.len())
}

/// What came out of bytes, enough to tell whether it is the same as from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Came {
    /// How many values.
    pub values: usize,
    /// A checksum of them; quick, not good.
    pub checksum: u64,
}

impl Came {
    fn and(self, values: &[f32]) -> Self {
        let mix =
            |sum: u64, v: &f32| sum.rotate_left(5).wrapping_add(u64::from(v.to_bits())).wrapping_mul(31);
        Self { values: self.values + values.len(), checksum: values.iter().fold(self.checksum, mix) }
    }
}

/// Sends bytes through all that medio does to read a file of this format.
///
/// # Errors
/// The [`kind`] of the error that medio gave.
pub fn read_bytes(format: Format, bytes: &[u8]) -> Result<Came, String> {
    match format {
        Format::Dicom => read_dicom(bytes),
        Format::Nifti => first_and_last(|volume| {
            let options = nifti::ReadOptions::new().volume(volume);
            let (read, report) = nifti::from_bytes::<f32>(bytes, &options)?;
            Ok((read, report.volumes))
        }),
        Format::Nrrd => first_and_last(|volume| {
            let options = nrrd::ReadOptions::default().volume(volume);
            let (read, report) = nrrd::from_bytes::<f32>(bytes, &options)?;
            Ok((read, report.volumes))
        }),
    }
    .map_err(|e| kind(&e))
}

/// Scans, loads every series, and its last slice alone.
fn read_dicom(bytes: &[u8]) -> medio::Result<Came> {
    let study = dicom::scan_bytes([("input".to_string(), bytes.to_vec())])?;
    let mut came = Came::default();
    for series in study.iter() {
        came = came.and(series.load()?.0.as_slice());
        let [slices, ..] = series.size();
        came = came.and(series.load_slice(slices.saturating_sub(1))?.as_slice());
    }
    Ok(came)
}

/// The first volume of a file and the last, as those between are read alike; `read` tells how many there are.
fn first_and_last(read: impl Fn(usize) -> medio::Result<(Volume<f32>, usize)>) -> medio::Result<Came> {
    let (first, volumes) = read(0)?;
    let came = Came::default().and(first.as_slice());
    if volumes > 1 { Ok(came.and(read(volumes - 1)?.0.as_slice())) } else { Ok(came) }
}
