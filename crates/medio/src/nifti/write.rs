//! Writing files.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use medcore::{Affine3, Geometry, Ras, Scalar, Volume, Voxel};

use super::affine;
use super::datatype::DataType;
use super::header::{EXTENDER, Header, SIZE_1};
use super::quaternion;
use super::report::Version;
use crate::error::{Error, Result};
use crate::stored::{ByteOrder, NumberType, write_atomically};

/// Where the voxels start.
const OFFSET: usize = SIZE_1 + EXTENDER;
/// Voxels brought to bytes at a time.
const BLOCK: usize = 1 << 16;
/// NIfTI-1 stores extents in 16 bits with a sign.
const MAX_EXTENT: usize = 32767;
/// `NIFTI_XFORM_SCANNER_ANAT`.
const SCANNER: i16 = 1;
/// `NIFTI_UNITS_MM`.
const MILLIMETRES: u8 = 2;
/// `NIFTI_INTENT_NONE`.
const INTENT_NONE: i16 = 0;
/// `NIFTI_INTENT_LABEL`.
pub(super) const INTENT_LABEL: i16 = 1002;
/// Fraction of a voxel by which a qform may miss the affine at a corner.
const QFORM_TOLERANCE: f64 = 0.01;
/// Volumes gain little from more effort than this, and take several times longer.
const LEVEL: Compression = Compression::new(4);

/// Writes a volume as NIfTI-1, little endian: `.nii`, or compressed for `.nii.gz`. The name is taken as it is.
///
/// The values are stored in their own type without scaling. The affine goes into the sform (code 1, scanner), rounded to `f32`,
/// and also into the qform where that can express it; the qform cannot hold a shear such as gantry tilt and is then left
/// out. A file of that name is replaced, in one step: the new one is complete before it takes the name.
///
/// # Errors
/// [`Error::Invalid`] for another extension; [`Error::Unsupported`] for an extent above 32 767; [`Error::Geometry`]
/// for an affine that is lost in `f32`; [`Error::Io`].
pub fn write<T: Scalar>(path: impl AsRef<Path>, volume: &Volume<T>) -> Result<()> {
    write_with_intent(path.as_ref(), volume, INTENT_NONE)
}

pub(super) fn write_with_intent<T: Scalar>(path: &Path, volume: &Volume<T>, intent: i16) -> Result<()> {
    let compress = compressed_by_name(path)?;
    let header = header_bytes(volume.geometry(), DataType::from_number(NumberType::of::<T>()), intent, path)?;
    write_atomically(path, |out| {
        if compress {
            let mut out = GzEncoder::new(out, LEVEL);
            write_all(&mut out, &header, volume.as_slice())?;
            out.finish()?.flush()
        } else {
            write_all(out, &header, volume.as_slice())
        }
    })
}

fn compressed_by_name(path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if name.ends_with(".nii.gz") {
        return Ok(true);
    }
    if name.ends_with(".nii") {
        return Ok(false);
    }
    let found = path.extension().map_or_else(String::new, |e| format!(".{}", e.to_string_lossy()));
    Err(Error::Invalid {
        path: path.into(),
        what: "file extension",
        expected: ".nii or .nii.gz".into(),
        found: format!("{found:?}"),
    })
}

fn write_all<T: Scalar>(out: &mut (impl Write + ?Sized), header: &[u8], voxels: &[T]) -> io::Result<()> {
    out.write_all(header)?;
    let mut bytes = Vec::with_capacity(BLOCK * size_of::<T>());
    for block in voxels.chunks(BLOCK) {
        bytes.clear();
        T::extend_le_bytes(block, &mut bytes);
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// The header and the four bytes that say that no extensions follow.
fn header_bytes(geometry: &Geometry, datatype: DataType, intent: i16, path: &Path) -> Result<[u8; OFFSET]> {
    let (header, voxel_to_ras) = plan(geometry, datatype, path)?;
    let mut fields = Fields { bytes: [0; OFFSET] };
    fields.put(0, &(SIZE_1 as i32).to_le_bytes());
    fields.put(38, b"r"); // "regular", which ANALYZE readers look for
    for (i, extent) in header.dim.into_iter().enumerate() {
        fields.put(40 + 2 * i, &(extent as i16).to_le_bytes());
    }
    fields.i16(68, intent);
    fields.i16(70, datatype.code());
    fields.i16(72, 8 * datatype.size() as i16);
    fields.f32s(76, &header.pixdim);
    fields.f32s(108, &[OFFSET as f64, 1.0, 0.0]); // vox_offset, scl_slope, scl_inter
    fields.put(123, &[MILLIMETRES]);
    fields.i16(252, header.qform_code as i16);
    fields.i16(254, SCANNER);
    fields.f32s(256, &header.quaternion);
    fields.f32s(268, &header.qoffset);
    for (row, values) in voxel_to_ras.to_rows().iter().take(3).enumerate() {
        fields.f32s(280 + 16 * row, values);
    }
    fields.put(344, b"n+1\0");
    Ok(fields.bytes)
}

struct Fields {
    bytes: [u8; OFFSET],
}

impl Fields {
    fn put(&mut self, at: usize, value: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(at).zip(value) {
            *to = *from;
        }
    }

    fn i16(&mut self, at: usize, value: i16) {
        self.put(at, &value.to_le_bytes());
    }

    fn f32s(&mut self, at: usize, values: &[f64]) {
        for (i, value) in values.iter().enumerate() {
            self.put(at + 4 * i, &(*value as f32).to_le_bytes());
        }
    }
}

/// The header's values as a reader will find them, and the affine of its sform.
fn plan(geometry: &Geometry, datatype: DataType, path: &Path) -> Result<(Header, Affine3<Voxel, Ras>)> {
    let size @ [slices, rows, columns] = geometry.size();
    if let Some(found) = size.iter().find(|&&extent| extent > MAX_EXTENT) {
        let found = format!("{found}; NIfTI-1 has at most {MAX_EXTENT}");
        return Err(Error::Unsupported { path: path.into(), what: "extent", found });
    }
    let stored = geometry.voxel_to_ras().to_rows().map(|row| row.map(single));
    let voxel_to_ras = Affine3::from_rows(stored);
    Geometry::new(size, voxel_to_ras.to_lps())
        .map_err(|source| Error::Geometry { path: path.into(), source })?;
    let mut header = Header {
        version: Version::Nifti1,
        order: ByteOrder::Little,
        datatype,
        bitpix: 8 * datatype.size() as i32,
        dim: [3, columns as i64, rows as i64, slices as i64, 1, 1, 1, 1],
        pixdim: [1.0; 8],
        vox_offset: OFFSET as f64,
        slope: 1.0,
        inter: 0.0,
        units: MILLIMETRES,
        qform_code: i32::from(SCANNER),
        sform_code: i32::from(SCANNER),
        quaternion: [0.0; 3],
        qoffset: voxel_to_ras.offset(),
        srow: [stored[0], stored[1], stored[2]],
    };
    set_qform(&mut header, &voxel_to_ras, size);
    Ok((header, voxel_to_ras))
}

/// Voxel sizes, qfac and quaternion; no qform where it would not place the voxels as the sform does.
fn set_qform(header: &mut Header, voxel_to_ras: &Affine3<Voxel, Ras>, size: [usize; 3]) {
    let step: [f64; 3] = std::array::from_fn(|axis| voxel_to_ras.column(axis).length());
    let handed = voxel_to_ras.column(0).cross(voxel_to_ras.column(1)).dot(voxel_to_ras.column(2));
    let qfac = if handed < 0.0 { -1.0 } else { 1.0 };
    let signed = [step[0], step[1], step[2] * qfac];
    let rotation = voxel_to_ras.linear().map(|row| std::array::from_fn(|axis| row[axis] / signed[axis]));
    header.quaternion = quaternion::from_matrix(&rotation).map(single);
    header.pixdim = [qfac, single(step[0]), single(step[1]), single(step[2]), 1.0, 1.0, 1.0, 1.0];
    let miss = affine::disagreement(voxel_to_ras, &affine::qform(header, &mut Vec::new()), size);
    let smallest = step.into_iter().fold(f64::INFINITY, f64::min);
    if miss > QFORM_TOLERANCE * smallest {
        header.qform_code = 0;
        header.quaternion = [0.0; 3];
        header.qoffset = [0.0; 3];
    }
}

fn single(value: f64) -> f64 {
    f64::from(value as f32)
}
