//! The header's fields, with both versions and byte orders brought to one form.

use std::path::Path;

use super::datatype::DataType;
use super::report::Version;
use crate::error::{Error, Result};
use crate::stored::{ByteOrder, Source};

/// Bytes of a NIfTI-1 header; its first field says so.
pub(super) const SIZE_1: usize = 348;
/// Bytes of a NIfTI-2 header; its first field says so.
pub(super) const SIZE_2: usize = 540;
/// Bytes after a header that say whether extensions follow.
pub(super) const EXTENDER: usize = 4;

/// Where the voxels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// In the file of the header.
    Single,
    /// In a file of their own.
    Pair,
}

/// What reading and placing voxels needs of a header, unchecked but for the data type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub(super) version: Version,
    pub(super) container: Container,
    pub(super) order: ByteOrder,
    pub(super) datatype: DataType,
    pub(super) bitpix: i32,
    pub(super) dim: [i64; 8],
    pub(super) pixdim: [f64; 8],
    pub(super) vox_offset: f64,
    pub(super) slope: f64,
    pub(super) inter: f64,
    pub(super) units: u8,
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    pub(super) quaternion: [f64; 3],
    pub(super) qoffset: [f64; 3],
    pub(super) srow: [[f64; 4]; 3],
    pub(super) time_start: f64,
    pub(super) intent: i32,
    /// Up to 80 bytes before the first 0.
    pub(super) description: String,
    /// ANALYZE 7.5: the voxel at 0 as SPM writes it, counted from 1.
    pub(super) origin: [f64; 3],
}

impl Header {
    /// Reads the header at the start of a file.
    pub(super) fn read(source: &mut Source<'_>) -> Result<Self> {
        let mut bytes = [0; SIZE_2];
        let (first, second) = bytes.split_at_mut(SIZE_1);
        source.read_exact(first, "the NIfTI header")?;
        let (version, order) = identify(first, source.path())?;
        if version == Version::Nifti2 {
            source.read_exact(second, "the NIfTI-2 header")?;
        }
        let fields = Fields { bytes: &bytes, order };
        let Some(container) = container(&fields, version, source.path())? else {
            return fields.analyze(source.path());
        };
        let header = match version {
            Version::Nifti2 => fields.nifti2(source.path())?,
            Version::Nifti1 | Version::Analyze75 => fields.nifti1(source.path())?,
        };
        Ok(Self { container, ..header })
    }

    /// Bytes of the header itself.
    pub(super) const fn size(&self) -> usize {
        match self.version {
            Version::Nifti1 | Version::Analyze75 => SIZE_1,
            Version::Nifti2 => SIZE_2,
        }
    }
}

fn identify(bytes: &[u8], path: &Path) -> Result<(Version, ByteOrder)> {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        match (Fields { bytes, order }).i32(0) {
            348 => return Ok((Version::Nifti1, order)),
            540 => return Ok((Version::Nifti2, order)),
            _ => {}
        }
    }
    Err(Error::Invalid {
        path: path.into(),
        what: "NIfTI sizeof_hdr",
        expected: "348 or 540 in either byte order".into(),
        found: Fields { bytes, order: ByteOrder::Little }.i32(0).to_string(),
    })
}

/// What the magic says; `None` where there is none, as in ANALYZE 7.5.
fn container(fields: &Fields<'_>, version: Version, path: &Path) -> Result<Option<Container>> {
    let (at, single, pair) = match version {
        Version::Nifti1 | Version::Analyze75 => (344, b"n+1\0", b"ni1\0"),
        Version::Nifti2 => (4, b"n+2\0", b"ni2\0"),
    };
    let magic: [u8; 4] = fields.array(at);
    let invalid = |what, expected: String, found: &[u8]| {
        let found = format!("\"{}\"", found.escape_ascii());
        Error::Invalid { path: path.into(), what, expected, found }
    };
    // A transfer in text mode changes these four; some writers leave them 0.
    let line_ends: [u8; 4] = fields.array(8);
    if version == Version::Nifti2 && line_ends != *b"\r\n\x1a\n" && line_ends != [0; 4] {
        return Err(invalid("NIfTI-2 magic, second half", r#""\r\n\x1a\n""#.into(), &line_ends));
    }
    match &magic {
        magic if magic == single => Ok(Some(Container::Single)),
        magic if magic == pair => Ok(Some(Container::Pair)),
        // ANALYZE has a number here that hardly any writer set (`smin`).
        [0, 0, 0, 0] if version == Version::Nifti1 => Ok(None),
        magic => {
            let expected = format!("\"{}\" or \"{}\"", single.escape_ascii(), pair.escape_ascii());
            Err(invalid("NIfTI magic", expected, magic))
        }
    }
}

/// Numbers at fixed offsets.
struct Fields<'a> {
    bytes: &'a [u8],
    order: ByteOrder,
}

macro_rules! number {
    ($($t:ident),*) => {$(
        fn $t(&self, at: usize) -> $t {
            match self.order {
                ByteOrder::Little => $t::from_le_bytes(self.array(at)),
                ByteOrder::Big => $t::from_be_bytes(self.array(at)),
            }
        }
    )*};
}

impl Fields<'_> {
    number!(i16, i32, i64, f32, f64);

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes.get(at..at + N).and_then(|b| b.try_into().ok()).unwrap_or([0; N])
    }

    fn f32s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| f64::from(self.f32(at + 4 * i)))
    }

    fn f64s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| self.f64(at + 8 * i))
    }

    /// The text up to the first 0.
    fn text<const N: usize>(&self, at: usize) -> String {
        let bytes = self.array::<N>(at);
        let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    /// The part of an ANALYZE 7.5 header that counts, read as SPM2 did (`spm_vol_ana.m`): the scaling where NIfTI-1 has it
    /// or as the ratio of the ranges before and after, the origin in `originator`.
    fn analyze(&self, path: &Path) -> Result<Header> {
        let mut header = Header {
            version: Version::Analyze75,
            container: Container::Pair,
            units: 0,
            qform_code: 0,
            sform_code: 0,
            time_start: 0.0,
            intent: 0,
            origin: std::array::from_fn(|i| f64::from(self.i16(253 + 2 * i))),
            ..self.nifti1(path)?
        };
        if header.slope == 0.0 || !header.slope.is_finite() {
            let [max, min] = self.f32s(124);
            let [stored_max, stored_min] = [140, 144].map(|at| f64::from(self.i32(at)));
            let slope = (max - min) / (stored_max - stored_min);
            let known = stored_max != stored_min && slope != 0.0 && slope.is_finite();
            header.slope = if known { slope } else { 0.0 };
            header.inter = if known { min - slope * stored_min } else { 0.0 };
        } else if !header.inter.is_finite() {
            header.inter = 0.0;
        }
        Ok(header)
    }

    /// `nifti1.h`, `struct nifti_1_header`.
    fn nifti1(&self, path: &Path) -> Result<Header> {
        Ok(Header {
            version: Version::Nifti1,
            container: Container::Single,
            order: self.order,
            dim: std::array::from_fn(|i| i64::from(self.i16(40 + 2 * i))),
            datatype: DataType::from_code(self.i16(70), path)?,
            bitpix: i32::from(self.i16(72)),
            pixdim: self.f32s(76),
            vox_offset: f64::from(self.f32(108)),
            slope: f64::from(self.f32(112)),
            inter: f64::from(self.f32(116)),
            units: self.array::<1>(123)[0],
            qform_code: i32::from(self.i16(252)),
            sform_code: i32::from(self.i16(254)),
            quaternion: self.f32s(256),
            qoffset: self.f32s(268),
            srow: [self.f32s(280), self.f32s(296), self.f32s(312)],
            time_start: f64::from(self.f32(136)),
            intent: i32::from(self.i16(68)),
            description: self.text::<80>(148),
            origin: [0.0; 3],
        })
    }

    /// `nifti2.h`, `struct nifti_2_header`.
    fn nifti2(&self, path: &Path) -> Result<Header> {
        Ok(Header {
            version: Version::Nifti2,
            container: Container::Single,
            order: self.order,
            datatype: DataType::from_code(self.i16(12), path)?,
            bitpix: i32::from(self.i16(14)),
            dim: std::array::from_fn(|i| self.i64(16 + 8 * i)),
            pixdim: self.f64s(104),
            vox_offset: self.i64(168) as f64,
            slope: self.f64(176),
            inter: self.f64(184),
            qform_code: self.i32(344),
            sform_code: self.i32(348),
            quaternion: self.f64s(352),
            qoffset: self.f64s(376),
            srow: [self.f64s(400), self.f64s(432), self.f64s(464)],
            units: (self.i32(500) & 0xff) as u8,
            time_start: self.f64(216),
            intent: self.i32(504),
            description: self.text::<80>(240),
            origin: [0.0; 3],
        })
    }
}
