//! The one place that knows the interface of medio: from a path to [`Observation`]s, and from damaged bytes to a verdict.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use medcore::{Geometry, Scalar};
use medio::dicom::{self, Study};
use medio::nifti::{self, ReadOptions};

use crate::observation::{Observation, Outcome, Values, hash_bytes, little_endian};

/// A reader of medio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `medio::dicom`.
    Dicom,
    /// `medio::nifti`.
    Nifti,
}

impl Format {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dicom => "dicom",
            Self::Nifti => "nifti",
        }
    }

    /// By the first bytes of a file, decompressed; what is nothing else is for the DICOM reader to refuse.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // The preamble of a DICOM file may be the header of another format.
        if bytes.get(128..132) == Some(b"DICM".as_slice()) {
            return Self::Dicom;
        }
        let sizes = [348i32, 540].map(|n| [n.to_le_bytes(), n.to_be_bytes()]);
        if sizes.iter().flatten().any(|size| bytes.starts_with(size)) { Self::Nifti } else { Self::Dicom }
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
            Self::Nifti => true,
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
            if self.path.is_dir() {
                let name = |file: &Path| file.strip_prefix(self.path).unwrap_or(file).display().to_string();
                let files = series.files().map(name).collect();
                if let Some(Outcome::Read(values)) = self.outcomes.last_mut() {
                    values.files = files;
                }
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
        let read = |volume| {
            nifti::read_with::<f32>(
                self.path,
                &ReadOptions { volume: Some(volume), ..ReadOptions::default() },
            )
        };
        let series = read(0).and_then(|(first, report)| {
            let (geometry, mut values) = (*first.geometry(), first.as_slice().to_vec());
            for volume in 1..report.volumes {
                values.extend_from_slice(read(volume)?.0.as_slice());
            }
            Ok((geometry, values, report))
        });
        match series {
            Ok((geometry, values, report)) => {
                let [z, y, x] = geometry.size();
                let text = format!("{:?} {:?} {:?}", report.datatype, report.transform, report.notes);
                let (axes, shape) = if report.volumes == 1 {
                    ("zyx", vec![z, y, x])
                } else {
                    ("tzyx", vec![report.volumes, z, y, x])
                };
                self.values("nifti", axes, &shape, &values, Some(&geometry), text);
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

/// Bytes for the readers that want a file: one file that is written anew for each input.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A file in a folder, best one in memory.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(format!("input-{}", std::process::id())) }
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::write(&self.path, bytes)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Sends bytes through the scan of DICOM headers. `Ok` has how many series were found.
///
/// # Errors
/// The [`kind`] of the error that medio gave.
pub fn scan_bytes(bytes: &[u8], scratch: &Scratch) -> Result<usize, String> {
    scratch.write(bytes).map_err(|e| format!("scratch/{:?}", e.kind()))?;
    dicom::scan(&scratch.path).map(|study| study.len()).map_err(|e| kind(&e))
}

/// Sends bytes through all that medio does to read a file of this format. `Ok` has how many values came out.
///
/// # Errors
/// The [`kind`] of the error that medio gave.
pub fn read_bytes(format: Format, bytes: &[u8], scratch: &Scratch) -> Result<usize, String> {
    match format {
        Format::Dicom => {
            scratch.write(bytes).map_err(|e| format!("scratch/{:?}", e.kind()))?;
            let study = dicom::scan(&scratch.path).map_err(|e| kind(&e))?;
            let mut values = 0;
            for series in study.iter() {
                values += series.load().map_err(|e| kind(&e))?.0.as_slice().len();
            }
            Ok(values)
        }
        Format::Nifti => {
            let options = ReadOptions { volume: Some(0), ..ReadOptions::default() };
            let (volume, report) = nifti::from_bytes::<f32>(bytes, &options).map_err(|e| kind(&e))?;
            let last = report.volumes.saturating_sub(1);
            if last > 0 {
                let options = ReadOptions { volume: Some(last), ..ReadOptions::default() };
                nifti::from_bytes::<f32>(bytes, &options).map_err(|e| kind(&e))?;
            }
            Ok(volume.as_slice().len())
        }
    }
}
