//! The transforms of a header (`nifti1.h`, methods 1 to 3).

use medcore::{Affine3, Point3, Ras, Voxel};

use super::header::Header;
use super::options::TransformPrecedence;
use super::quaternion;
use super::report::{Note, Transform, Version};

/// Where a header places the voxels.
pub(super) struct Placement {
    pub(super) transform: Transform,
    pub(super) voxel_to_ras: Affine3<Voxel, Ras>,
    pub(super) disagreement_mm: Option<f64>,
}

/// Chooses among a header's transforms. `size` is `[slices, rows, columns]`.
pub(super) fn placement(
    header: &Header,
    size: [usize; 3],
    precedence: TransformPrecedence,
    notes: &mut Vec<Note>,
) -> Placement {
    note_codes(header, notes);
    let sform = (header.sform_code > 0)
        .then(|| (Transform::Sform { code: header.sform_code }, Affine3::from_rows(sform_rows(header))));
    let qform =
        (header.qform_code > 0).then(|| (Transform::Qform { code: header.qform_code }, qform(header, notes)));
    let unit = millimetres(header, notes);
    let disagreement_mm = sform.zip(qform).map(|((_, s), (_, q))| disagreement(&s, &q, size) * unit);
    let (transform, affine) = match precedence {
        TransformPrecedence::SformFirst => sform.or(qform),
        TransformPrecedence::QformFirst => qform.or(sform),
    }
    .unwrap_or_else(|| (Transform::Pixdim, centred(voxel_sizes(header, notes), size)));
    let linear = affine.linear().map(|row| row.map(|x| x * unit));
    let voxel_to_ras = Affine3::new(linear, affine.offset().map(|x| x * unit));
    Placement { transform, voxel_to_ras, disagreement_mm }
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
            Version::Nifti1 => f64::from(f32::EPSILON),
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

/// Method 1 has no orientation and no origin: nibabel's choice of both.
fn centred(step: [f64; 3], [slices, rows, columns]: [usize; 3]) -> Affine3<Voxel, Ras> {
    let [x, y, z] = step;
    let half = |n: usize, step: f64| (n as f64 - 1.0) / 2.0 * step;
    let linear = [[-x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]];
    Affine3::new(linear, [half(columns, x), -half(rows, y), -half(slices, z)])
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
