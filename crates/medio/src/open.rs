//! Any format by one name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use medcore::{LabelMap, Scalar, Volume};

use crate::error::{Error, Result};
use crate::{dicom, metaimage, nifti, nrrd};

/// Enough of a file to tell its format.
const HEAD: u64 = 1024;
/// Where `DICM` stands (PS3.10, 7.1).
const DICM: usize = 128;

/// A format that this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A DICOM file, or a folder or zip archive of them.
    Dicom,
    /// NIfTI, compressed or not.
    Nifti,
    /// NRRD.
    Nrrd,
    /// MetaImage.
    MetaImage,
}

impl Format {
    /// Tells the format of a file by its content; a folder is taken to hold DICOM files.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("no_extension");
    /// use medio::Format;
    /// std::fs::write(&path, "NRRD0004\n")?;
    /// assert_eq!(Format::of(&path)?, Format::Nrrd);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::UnknownFormat`], which says what was looked for.
    pub fn of(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |source| Error::Io { path: path.into(), source };
        if std::fs::metadata(path).map_err(io)?.is_dir() {
            return Ok(Self::Dicom);
        }
        let mut head = Vec::new();
        File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)).map_err(io)?;
        Self::of_bytes(&head)
            .or_else(|| half_of_a_pair(path).then_some(Self::Nifti))
            .ok_or_else(|| Error::UnknownFormat { path: path.into() })
    }

    fn of_bytes(head: &[u8]) -> Option<Self> {
        if head.starts_with(&[0x1f, 0x8b]) {
            let mut inflated = Vec::new();
            // The stream is cut off: what comes out before its end is what counts.
            let _ = MultiGzDecoder::new(head).take(HEAD).read_to_end(&mut inflated);
            return is_nifti(&inflated).then_some(Self::Nifti);
        }
        if head.starts_with(b"NRRD000") {
            return Some(Self::Nrrd);
        }
        let preamble = head.get(DICM..).is_some_and(|rest| rest.starts_with(b"DICM"));
        // Without preamble the file starts with group 2 or 8.
        let bare = matches!(head, [2 | 8, 0, _, 0, ..] | [0, 8, 0, _, ..]);
        if preamble || bare || head.starts_with(b"PK\x03\x04") {
            return Some(Self::Dicom);
        }
        if is_nifti(head) {
            return Some(Self::Nifti);
        }
        is_metaimage(head).then_some(Self::MetaImage)
    }
}

/// The size of the header of either version, in either byte order, is its first field.
fn is_nifti(head: &[u8]) -> bool {
    let size = head.first_chunk::<4>();
    size.is_some_and(|b| [348, 540].iter().any(|&n: &i32| *b == n.to_le_bytes() || *b == n.to_be_bytes()))
}

/// Lines of `Name = value`, with `NDims` or `DimSize` among them.
fn is_metaimage(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut names = text.lines().map_while(|line| line.split_once('=').map(|(name, _)| name.trim()));
    names.any(|name| matches!(name, "NDims" | "DimSize"))
}

/// The voxels of a NIfTI pair have no magic; their header beside them does.
fn half_of_a_pair(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    (name.ends_with(".img") && path.with_extension("hdr").is_file())
        || (name.ends_with(".img.gz") && path.with_extension("").with_extension("hdr.gz").is_file())
}

/// Reads the one volume of a file, folder or archive, whatever its format, with the default options of that format.
///
/// ```no_run
/// let ct = medio::read("ct.nrrd")?;
/// medio::write("ct.nii.gz", &ct)?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// As [`Format::of`] and the `read` of the format; [`Error::SeveralVolumes`] for DICOM files of more than one volume: use
/// [`dicom::scan`] to choose.
pub fn read(path: impl AsRef<Path>) -> Result<Volume<f32>> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Nifti => nifti::read(path),
        Format::Nrrd => nrrd::read(path),
        Format::MetaImage => metaimage::read(path),
        Format::Dicom => {
            let study = dicom::scan(path)?;
            match study.series() {
                [one] => Ok(one.load()?.0),
                several => Err(several_volumes(path, several)),
            }
        }
    }
}

/// Reads the segmentation of a file, with the names of its labels where the format has any (DICOM, NRRD).
///
/// # Errors
/// As [`Format::of`] and the `read_labels` of the format; of a DICOM folder [`Error::SeveralVolumes`] unless it holds one
/// segmentation.
pub fn read_labels(path: impl AsRef<Path>) -> Result<LabelMap> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Nifti => nifti::read_labels(path),
        Format::Nrrd => nrrd::read_labels(path),
        Format::MetaImage => metaimage::read_labels(path),
        Format::Dicom => match dicom::scan(path)?.series() {
            [one] => one.segmentation()?.to_label_map(),
            several => Err(several_volumes(path, several)),
        },
    }
}

/// Writes a segmentation in the format of the extension, as [`write()`] does; NRRD keeps the names of the labels. DICOM
/// segmentations need the series that they belong to: [`dicom::seg::write`].
///
/// # Errors
/// As [`write()`].
pub fn write_labels(path: impl AsRef<Path>, labels: &LabelMap) -> Result<()> {
    let path = path.as_ref();
    match Written::by_name(path)? {
        Written::Nifti => nifti::write_labels(path, labels),
        Written::Nrrd => nrrd::write_labels(path, labels),
        Written::MetaImage => metaimage::write_labels(path, labels),
    }
}

fn several_volumes(path: &Path, several: &[dicom::Series]) -> Error {
    Error::SeveralVolumes { path: path.into(), volumes: several.iter().map(describe).collect() }
}

fn describe(series: &dicom::Series) -> String {
    let number = series.number().map_or_else(String::new, |n| format!("series {n}: "));
    format!("{number}{} of {} files", series.modality(), series.files().len())
}

/// Writes a volume in the format of the extension, with the default options of that format: `.nii`, `.hdr` or
/// `.img` (or these with `.gz`), `.nrrd`, `.nhdr`, `.mha` or `.mhd`.
///
/// # Errors
/// [`Error::Invalid`] for another extension; as the `write` of the format.
pub fn write<T: Scalar>(path: impl AsRef<Path>, volume: &Volume<T>) -> Result<()> {
    let path = path.as_ref();
    match Written::by_name(path)? {
        Written::Nifti => nifti::write(path, volume),
        Written::Nrrd => nrrd::write(path, volume),
        Written::MetaImage => metaimage::write(path, volume),
    }
}

/// A format that a single file is written in.
enum Written {
    Nifti,
    Nrrd,
    MetaImage,
}

impl Written {
    fn by_name(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz"]) {
            Ok(Self::Nifti)
        } else if ends(&[".nrrd", ".nhdr"]) {
            Ok(Self::Nrrd)
        } else if ends(&[".mha", ".mhd"]) {
            Ok(Self::MetaImage)
        } else {
            Err(Error::Invalid {
                path: path.into(),
                what: "file extension",
                expected: ".nii, .hdr or .img (or these with .gz), .nrrd, .nhdr, .mha or .mhd".into(),
                found: format!("{:?}", path.extension().unwrap_or_default().to_string_lossy()),
            })
        }
    }
}
