//! The transforms of a header (`nifti1.h`, methods 1 to 3).

use medcore::{Affine3, Geometry, Point3, Ras, Voxel};

use super::header::Header;
use super::options::TransformPrecedence;
use super::quaternion;
use super::report::{Note, Transform, Version};

/// Where a header places the voxels.
pub(super) struct Placement {
    pub(super) transform: Transform,
    pub(super) geometry: Geometry,
    pub(super) disagreement_mm: Option<f64>,
}

/// Chooses among a header's transforms. `size` is `[slices, rows, columns]`. One that is not usable gives way to the other.
///
/// # Errors
/// Those of [`Geometry::new`], when no transform is usable.
pub(super) fn placement(
    header: &Header,
    size: [usize; 3],
    precedence: TransformPrecedence,
    notes: &mut Vec<Note>,
) -> medcore::Result<Placement> {
    note_codes(header, notes);
    let sform = (header.sform_code > 0)
        .then(|| (Transform::Sform { code: header.sform_code }, Affine3::from_rows(sform_rows(header))));
    let qform =
        (header.qform_code > 0).then(|| (Transform::Qform { code: header.qform_code }, qform(header, notes)));
    let unit = millimetres(header, notes);
    let disagreement_mm = sform.zip(qform).map(|((_, s), (_, q))| disagreement(&s, &q, size) * unit);
    let (first, second) = match precedence {
        TransformPrecedence::SformFirst => (sform.or(qform), sform.and(qform)),
        TransformPrecedence::QformFirst => (qform.or(sform), qform.and(sform)),
    };
    let (transform, affine) = first.unwrap_or_else(|| unoriented(header, size, notes));
    let place = |affine: Affine3<Voxel, Ras>| {
        let linear = affine.linear().map(|row| row.map(|x| x * unit));
        Geometry::new(size, Affine3::<Voxel, Ras>::new(linear, affine.offset().map(|x| x * unit)).to_lps())
    };
    let unusable = match place(affine) {
        Ok(geometry) => return Ok(Placement { transform, geometry, disagreement_mm }),
        Err(error) => error,
    };
    let Some((other, Ok(geometry))) = second.map(|(other, affine)| (other, place(affine))) else {
        return Err(unusable);
    };
    let field = if matches!(transform, Transform::Sform { .. }) { "sform" } else { "qform" };
    notes.push(Note::TransformUnusable { field });
    Ok(Placement { transform: other, geometry, disagreement_mm })
}

fn note_codes(header: &Header, notes: &mut Vec<Note>) {
    for (field, code) in [("sform_code", header.sform_code), ("qform_code", header.qform_code)] {
        if !(0..=5).contains(&code) {
            notes.push(Note::UnknownTransformCode { field, code });
        }
    }
}

fn sform_rows(header: &Header) -> [[f64; 4]; 4] {
    let [x, y, z] = header.srow;
    [x, y, z, [0.0, 0.0, 0.0, 1.0]]
}

/// Method 2: rotation, voxel sizes with the sign of qfac on the third, offset.
pub(super) fn qform(header: &Header, notes: &mut Vec<Note>) -> Affine3<Voxel, Ras> {
    // Three units of rounding of the stored type, as in nibabel.
    let threshold = 3.0
        * match header.version {
            Version::Nifti1 | Version::Analyze75 => f64::from(f32::EPSILON),
            Version::Nifti2 => f64::EPSILON,
        };
    let (q, too_long) = quaternion::fill(header.quaternion, threshold);
    if too_long {
        let norm = header.quaternion.iter().map(|x| x * x).sum::<f64>().sqrt();
        notes.push(Note::QuaternionNormalized { norm });
    }
    let found = header.pixdim[0];
    if found.abs() != 1.0 {
        notes.push(Note::QfacAssumed { found });
    }
    let mut step = voxel_sizes(header, notes);
    if found < 0.0 {
        step[2] = -step[2];
    }
    let rotation = quaternion::to_matrix(q);
    let linear = rotation.map(|row| std::array::from_fn(|axis| row[axis] * step[axis]));
    Affine3::new(linear, header.qoffset)
}

/// `pixdim[1..4]`, mended as nibabel mends it.
fn voxel_sizes(header: &Header, notes: &mut Vec<Note>) -> [f64; 3] {
    std::array::from_fn(|i| {
        let (axis, found) = (i + 1, header.pixdim[i + 1]);
        if found == 0.0 {
            // The third size of a single slice means nothing.
            if header.dim[0] > i as i64 {
                notes.push(Note::ZeroPixdim { axis });
            }
            return 1.0;
        }
        if found < 0.0 {
            notes.push(Note::NegativePixdim { axis, found });
        }
        found.abs()
    })
}

/// Method 1 has no orientation and no origin: nibabel's choice of both. ANALYZE 7.5 may have an origin, which counts from 1
/// and is believed within twice the image, as SPM does.
fn unoriented(
    header: &Header,
    [slices, rows, columns]: [usize; 3],
    notes: &mut Vec<Note>,
) -> (Transform, Affine3<Voxel, Ras>) {
    let [x, y, z] = voxel_sizes(header, notes);
    let extents = [columns, rows, slices].map(|n| n as f64);
    let origin = header.origin;
    let believable = |(o, n): (&f64, f64)| (-n < *o) && (*o < 2.0 * n);
    let known = origin != [0.0; 3] && origin.iter().zip(extents).all(believable);
    let centre = if known { origin.map(|o| o - 1.0) } else { extents.map(|n| (n - 1.0) / 2.0) };
    let linear = [[-x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]];
    let affine = Affine3::new(linear, [centre[0] * x, -centre[1] * y, -centre[2] * z]);
    (if known { Transform::AnalyzeOrigin } else { Transform::Pixdim }, affine)
}

/// Millimetres in the header's spatial unit (`xyzt_units`, low three bits).
fn millimetres(header: &Header, notes: &mut Vec<Note>) -> f64 {
    match header.units & 7 {
        0 | 2 => 1.0,
        code @ (1 | 3) => {
            let factor = if code == 1 { 1e3 } else { 1e-3 };
            notes.push(Note::UnitsConverted { factor });
            factor
        }
        code => {
            notes.push(Note::UnknownUnits { code });
            1.0
        }
    }
}

/// The largest distance between the two places of a corner voxel.
pub(super) fn disagreement(a: &Affine3<Voxel, Ras>, b: &Affine3<Voxel, Ras>, size: [usize; 3]) -> f64 {
    let distance = |corner: usize| {
        let index = |axis: usize| if corner >> axis & 1 == 0 { 0.0 } else { size[2 - axis] as f64 - 1.0 };
        let p = Point3::new(index(0), index(1), index(2));
        let d = a.apply(p).distance(b.apply(p));
        if d.is_nan() { f64::INFINITY } else { d }
    };
    (0..8).map(distance).fold(0.0, f64::max)
}
