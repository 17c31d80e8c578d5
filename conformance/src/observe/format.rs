//! Formats of files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

/// What a file is damaged as, and which readers it then goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `medio::dicom`, also in a zip archive.
    Dicom,
    /// `medio::dicom::seg`.
    Seg,
    /// `medio::dicom::sr`.
    Sr,
    /// `medio::nifti`.
    Nifti,
    /// `medio::nrrd`.
    Nrrd,
    /// `medio::metaimage`.
    MetaImage,
}

impl Format {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dicom => "dicom",
            Self::Seg => "seg",
            Self::Sr => "sr",
            Self::Nifti => "nifti",
            Self::Nrrd => "nrrd",
            Self::MetaImage => "metaimage",
        }
    }

    /// By the first bytes of a file, decompressed; what is nothing else is for the DICOM reader to refuse.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // The preamble of a DICOM file may be the header of another format.
        if bytes.get(128..132) == Some(b"DICM".as_slice()) {
            return Self::of_data_set(bytes);
        }
        if bytes.starts_with(b"NRRD") {
            return Self::Nrrd;
        }
        let sizes = [348i32, 540].map(|n| [n.to_le_bytes(), n.to_be_bytes()]);
        if sizes.iter().flatten().any(|size| bytes.starts_with(size)) {
            return Self::Nifti;
        }
        let start = bytes.get(..1 << 10).unwrap_or(bytes);
        let has = |name: &[u8]| start.windows(name.len()).any(|w| w == name);
        if has(b"NDims") || has(b"DimSize") { Self::MetaImage } else { Self::Dicom }
    }

    /// By the storage class (PS3.6, table A-1), which stands in the file meta information or early in the data set.
    fn of_data_set(bytes: &[u8]) -> Self {
        let start = bytes.get(..1 << 10).unwrap_or(bytes);
        let has = |uid: &[u8]| start.windows(uid.len()).any(|w| w == uid);
        if has(b"1.2.840.10008.5.1.4.1.1.66.4") || has(b"1.2.840.10008.5.1.4.1.1.66.7") {
            Self::Seg
        } else if has(b"1.2.840.10008.5.1.4.1.1.88.") {
            Self::Sr
        } else {
            Self::Dicom
        }
    }

    /// Whether it is one of the objects of DICOM.
    #[must_use]
    pub const fn is_dicom(self) -> bool {
        matches!(self, Self::Dicom | Self::Seg | Self::Sr)
    }

    /// Whether a file of this format can tell that its end is missing. NRRD with a byte skip of -1 and MetaImage with a header
    /// size of -1 have their data at the end, wherever that is; numbers in text may end within the last one; reports are
    /// judged by what stands in them.
    #[must_use]
    pub fn tells_its_end(self, bytes: &[u8]) -> bool {
        let header = String::from_utf8_lossy(bytes.get(..1 << 12).unwrap_or(bytes));
        let signs: &[&str] = match self {
            Self::Nrrd => &["byte skip: -1", "encoding: text", "encoding: txt", "encoding: ascii"],
            Self::MetaImage => &["HeaderSize = -1", "BinaryData = False"],
            Self::Sr => &[""],
            _ => &[],
        };
        !signs.iter().any(|sign| header.contains(sign))
    }

    /// Whether bytes look like this format at all.
    #[must_use]
    pub fn looks_like(self, bytes: &[u8]) -> bool {
        let data_set = matches!(bytes.first_chunk::<4>(), Some([2 | 8, 0, 0..=32, 0] | [0, 8, 0, 0..=32]));
        let archive = bytes.starts_with(b"PK\x03\x04");
        !self.is_dicom() || data_set || archive || bytes.get(128..132) == Some(b"DICM".as_slice())
    }

    pub(super) fn of_file(path: &Path) -> std::io::Result<Self> {
        let mut start = Vec::new();
        File::open(path)?.take(1 << 12).read_to_end(&mut start)?;
        // The voxels of a pair have no magic: their header beside them has.
        let name = path.to_string_lossy();
        let stem = name.strip_suffix(".img").or_else(|| name.strip_suffix(".img.gz"));
        let header = |stem: &str| [".hdr", ".hdr.gz"].map(|end| format!("{stem}{end}"));
        if stem.is_some_and(|stem| header(stem).iter().any(|header| Path::new(header).is_file())) {
            return Ok(Self::Nifti);
        }
        if start.starts_with(&[0x1f, 0x8b]) {
            let mut inside = Vec::new();
            // Whatever is wrong with it, the reader will say so.
            let _ = GzDecoder::new(start.as_slice()).take(1 << 10).read_to_end(&mut inside);
            return Ok(Self::of(&inside));
        }
        Ok(Self::of(&start))
    }
}
