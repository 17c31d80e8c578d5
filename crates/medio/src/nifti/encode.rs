//! The bytes of a header.

use std::path::Path;

use medcore::{Affine3, Geometry, Ras, Voxel};

use super::affine;
use super::datatype::DataType;
use super::extension;
use super::header::{Container, EXTENDER, Header, SIZE_1, SIZE_2};
use super::quaternion;
use super::report::Version;
use super::time::TimeAxis;
use super::write_options::WriteOptions;
use crate::error::{Error, Result};
use crate::stored::{ByteOrder, Scaling};

/// NIfTI-1 stores extents in 16 bits with a sign.
pub(super) const MAX_EXTENT: usize = 32767;
/// `NIFTI_UNITS_MM`.
const MILLIMETRES: u8 = 2;
/// Fraction of a voxel by which a qform may miss the affine at a corner.
const QFORM_TOLERANCE: f64 = 0.01;
/// Bytes of `descrip`, with a 0 at their end.
const DESCRIPTION: usize = 80;
/// Voxels start at a multiple of this.
const ALIGNMENT: usize = 16;
/// The largest `vox_offset` that an `f32` holds exactly is larger; no sound header is.
const MAX_OFFSET: usize = 1 << 24;

/// What a header says about the voxels.
pub(super) struct Content<'a> {
    pub(super) geometry: &'a Geometry,
    /// Extents of the axes after the third.
    pub(super) further_extents: &'a [usize],
    pub(super) time: Option<TimeAxis>,
    pub(super) datatype: DataType,
    pub(super) scaling: Option<Scaling>,
}

/// The header, the bytes that say whether extensions follow, and the extensions; of a single file up to the voxels.
pub(super) fn header(
    content: &Content<'_>,
    version: Version,
    container: Container,
    options: &WriteOptions,
    path: &Path,
) -> Result<Vec<u8>> {
    check(content, version, options, path)?;
    let too_long = || Error::Unsupported {
        path: path.into(),
        what: "NIfTI header extensions",
        found: format!("more than {MAX_OFFSET} bytes"),
    };
    let mut behind = extension::encode(&options.extensions).ok_or_else(too_long)?;
    let size = if version == Version::Nifti2 { SIZE_2 } else { SIZE_1 };
    let mut header = plan(content, version, options, path)?;
    header.container = container;
    if container == Container::Single {
        let offset = (size + behind.len()).next_multiple_of(ALIGNMENT);
        if offset > MAX_OFFSET {
            return Err(too_long());
        }
        behind.resize(offset - size, 0);
        header.vox_offset = offset as f64;
    }
    debug_assert!(behind.len() >= EXTENDER);
    let mut fields = Fields { bytes: vec![0; size] };
    match version {
        Version::Nifti2 => fields.nifti2(&header),
        Version::Nifti1 | Version::Analyze75 => fields.nifti1(&header),
    }
    fields.bytes.extend(behind);
    Ok(fields.bytes)
}

fn check(content: &Content<'_>, version: Version, options: &WriteOptions, path: &Path) -> Result<()> {
    let unsupported = |what, found| Err(Error::Unsupported { path: path.into(), what, found });
    let invalid = |what, expected: &str, found| {
        Err(Error::Invalid { path: path.into(), what, expected: expected.into(), found })
    };
    if version == Version::Analyze75 {
        return unsupported("writing", "ANALYZE 7.5".into());
    }
    let size = content.geometry.size();
    if let Some(found) = size.iter().chain(content.further_extents).find(|&&extent| extent > MAX_EXTENT)
        && version == Version::Nifti1
    {
        return unsupported("extent", format!("{found}; NIfTI-1 has at most {MAX_EXTENT}"));
    }
    if options.description.len() >= DESCRIPTION {
        return invalid("the description", "at most 79 bytes", options.description.len().to_string());
    }
    let codes = [options.sform_code, options.qform_code];
    if codes.iter().any(|code| !(0..=i32::from(i16::MAX)).contains(code)) || codes == [0, 0] {
        return invalid("the transform codes", "from 0, and one above it", format!("{codes:?}"));
    }
    if i16::try_from(options.intent).is_err() && version == Version::Nifti1 {
        return invalid("the intent code", "at most 32 767", options.intent.to_string());
    }
    Ok(())
}

/// The header's values as a reader will find them.
fn plan(content: &Content<'_>, version: Version, options: &WriteOptions, path: &Path) -> Result<Header> {
    let round = |value: f64| if version == Version::Nifti2 { value } else { f64::from(value as f32) };
    let size @ [slices, rows, columns] = content.geometry.size();
    let stored = content.geometry.voxel_to_ras().to_rows().map(|row| row.map(round));
    let voxel_to_ras = Affine3::from_rows(stored);
    Geometry::new(size, voxel_to_ras.to_lps())
        .map_err(|source| Error::Geometry { path: path.into(), source })?;
    let mut dim = [1; 8];
    let extents = [columns, rows, slices].into_iter().chain(content.further_extents.iter().copied());
    for (to, extent) in dim.iter_mut().skip(1).zip(extents) {
        *to = extent as i64;
    }
    dim[0] = 3 + content.further_extents.len() as i64;
    let scaling = content.scaling.unwrap_or(Scaling { slope: 1.0, inter: 0.0 });
    let mut header = Header {
        version,
        container: Container::Single,
        order: ByteOrder::Little,
        datatype: content.datatype,
        bitpix: 8 * content.datatype.size() as i32,
        dim,
        pixdim: [1.0; 8],
        vox_offset: 0.0,
        slope: scaling.slope,
        inter: scaling.inter,
        units: MILLIMETRES | content.time.map_or(0, |time| time.unit.code()),
        qform_code: options.qform_code,
        sform_code: options.sform_code,
        quaternion: [0.0; 3],
        qoffset: voxel_to_ras.offset(),
        srow: [stored[0], stored[1], stored[2]],
        time_start: content.time.map_or(0.0, |time| time.start),
        intent: options.intent,
        description: options.description.clone(),
        origin: [0.0; 3],
    };
    set_qform(&mut header, &voxel_to_ras, size, round);
    header.pixdim[4] = content.time.map_or(1.0, |time| time.step);
    if header.qform_code == 0 && header.sform_code == 0 {
        // The affine has a shear, and the caller wants no sform: it would be lost.
        return Err(Error::Invalid {
            path: path.into(),
            what: "the sform code",
            expected: "above 0 for an affine that no qform holds".into(),
            found: "0".into(),
        });
    }
    if header.sform_code == 0 {
        header.srow = [[0.0; 4]; 3];
    }
    Ok(header)
}

/// Voxel sizes, qfac and quaternion; no qform where it would not place the voxels as the sform does.
fn set_qform(
    header: &mut Header,
    voxel_to_ras: &Affine3<Voxel, Ras>,
    size: [usize; 3],
    round: impl Fn(f64) -> f64,
) {
    let step: [f64; 3] = std::array::from_fn(|axis| voxel_to_ras.column(axis).length());
    let handed = voxel_to_ras.column(0).cross(voxel_to_ras.column(1)).dot(voxel_to_ras.column(2));
    let qfac = if handed < 0.0 { -1.0 } else { 1.0 };
    let signed = [step[0], step[1], step[2] * qfac];
    let rotation = voxel_to_ras.linear().map(|row| std::array::from_fn(|axis| row[axis] / signed[axis]));
    header.quaternion = quaternion::from_matrix(&rotation).map(&round);
    header.pixdim = [qfac, round(step[0]), round(step[1]), round(step[2]), 1.0, 1.0, 1.0, 1.0];
    let miss = affine::disagreement(voxel_to_ras, &affine::qform(header, &mut Vec::new()), size);
    let smallest = step.into_iter().fold(f64::INFINITY, f64::min);
    if miss > QFORM_TOLERANCE * smallest || header.qform_code == 0 {
        header.qform_code = 0;
        header.quaternion = [0.0; 3];
        header.qoffset = [0.0; 3];
    }
}

struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    fn put(&mut self, at: usize, value: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(at).zip(value) {
            *to = *from;
        }
    }

    fn i16(&mut self, at: usize, value: i32) {
        self.put(at, &(value as i16).to_le_bytes());
    }

    fn i32(&mut self, at: usize, value: i32) {
        self.put(at, &value.to_le_bytes());
    }

    fn f32s(&mut self, at: usize, values: &[f64]) {
        for (i, value) in values.iter().enumerate() {
            self.put(at + 4 * i, &(*value as f32).to_le_bytes());
        }
    }

    fn f64s(&mut self, at: usize, values: &[f64]) {
        for (i, value) in values.iter().enumerate() {
            self.put(at + 8 * i, &value.to_le_bytes());
        }
    }

    /// `nifti1.h`, `struct nifti_1_header`.
    fn nifti1(&mut self, header: &Header) {
        self.i32(0, SIZE_1 as i32);
        self.put(38, b"r"); // "regular", which ANALYZE readers look for
        for (i, extent) in header.dim.into_iter().enumerate() {
            self.i16(40 + 2 * i, extent as i32);
        }
        self.i16(68, header.intent);
        self.i16(70, header.datatype.code().into());
        self.i16(72, header.bitpix);
        self.f32s(76, &header.pixdim);
        self.f32s(108, &[header.vox_offset, header.slope, header.inter]);
        self.put(123, &[header.units]);
        self.f32s(136, &[header.time_start]);
        self.put(148, header.description.as_bytes());
        self.i16(252, header.qform_code);
        self.i16(254, header.sform_code);
        self.f32s(256, &header.quaternion);
        self.f32s(268, &header.qoffset);
        for (row, values) in header.srow.iter().enumerate() {
            self.f32s(280 + 16 * row, values);
        }
        self.put(344, if header.container == Container::Pair { b"ni1\0" } else { b"n+1\0" });
    }

    /// `nifti2.h`, `struct nifti_2_header`.
    fn nifti2(&mut self, header: &Header) {
        self.i32(0, SIZE_2 as i32);
        let magic = if header.container == Container::Pair { b"ni2\0\r\n\x1a\n" } else { b"n+2\0\r\n\x1a\n" };
        self.put(4, magic);
        self.i16(12, header.datatype.code().into());
        self.i16(14, header.bitpix);
        for (i, extent) in header.dim.into_iter().enumerate() {
            self.put(16 + 8 * i, &extent.to_le_bytes());
        }
        self.f64s(104, &header.pixdim);
        self.put(168, &(header.vox_offset as i64).to_le_bytes());
        self.f64s(176, &[header.slope, header.inter]);
        self.f64s(216, &[header.time_start]);
        self.put(240, header.description.as_bytes());
        self.i32(344, header.qform_code);
        self.i32(348, header.sform_code);
        self.f64s(352, &header.quaternion);
        self.f64s(376, &header.qoffset);
        for (row, values) in header.srow.iter().enumerate() {
            self.f64s(400 + 32 * row, values);
        }
        self.i32(500, header.units.into());
        self.i32(504, header.intent);
    }
}
