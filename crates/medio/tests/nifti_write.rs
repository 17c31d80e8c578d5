//! Written files: their bytes, their way back, and what cannot be written.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod nifti_common;

use std::path::PathBuf;

use medcore::{Affine3, Geometry, LabelMap, Point3, Ras, Spacing, Volume, Voxel};
use medio::Error;
use medio::nifti::{self, DataType, ReadOptions, Transform, Version, WriteOptions};
use nifti_common::path;

fn axial(size: [usize; 3]) -> Geometry {
    Geometry::axial(size, Spacing::new(0.7, 0.8, 2.5), Point3::new(-180.5, -170.25, 60.0)).unwrap()
}

fn ras(linear: [[f64; 3]; 3], offset: [f64; 3]) -> Geometry {
    let affine: Affine3<Voxel, Ras> = Affine3::new(linear, offset);
    Geometry::new([2, 3, 4], affine.to_lps()).unwrap()
}

fn round_trip<T: medcore::Scalar>(volume: &Volume<T>, name: &str) -> (Volume<T>, nifti::Report) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    nifti::write(&path, volume).unwrap();
    // Nothing else stays in the folder: no temporary file, no other name.
    let names: Vec<PathBuf> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names, std::slice::from_ref(&path));
    nifti::read_with(&path, &ReadOptions::default()).unwrap()
}

fn check_type<T: medcore::Scalar>(expected: DataType, values: [T; 4]) {
    let voxels: Vec<T> = values.into_iter().cycle().take(24).collect();
    let volume = Volume::from_vec(voxels, axial([2, 3, 4])).unwrap();
    for name in ["a.nii", "a.nii.gz"] {
        let (back, report) = round_trip(&volume, name);
        assert_eq!(back.as_slice(), volume.as_slice());
        assert!(back.geometry().is_close(volume.geometry(), 1e-4));
        assert_eq!(report.datatype, expected);
        assert_eq!((report.notes, report.transform), (vec![], Transform::Sform { code: 1 }));
        assert_eq!(report.compressed, name.ends_with("gz"));
    }
}

#[test]
fn every_type_comes_back() {
    check_type(DataType::U8, [0u8, 1, 7, u8::MAX]);
    check_type(DataType::I8, [0i8, i8::MIN, 7, i8::MAX]);
    check_type(DataType::U16, [0u16, 1, 7, u16::MAX]);
    check_type(DataType::I16, [0i16, i16::MIN, -1024, i16::MAX]);
    check_type(DataType::U32, [0u32, 1, 7, u32::MAX]);
    check_type(DataType::I32, [0i32, i32::MIN, -7, i32::MAX]);
    check_type(DataType::U64, [0u64, 1, (1 << 53) + 1, u64::MAX]);
    check_type(DataType::I64, [0i64, i64::MIN, (1 << 53) + 1, i64::MAX]);
    check_type(DataType::F32, [0f32, f32::MIN_POSITIVE, f32::INFINITY, -1e30]);
    check_type(DataType::F64, [0f64, f64::MIN_POSITIVE, f64::NEG_INFINITY, 0.1]);
}

#[test]
fn bytes_of_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let volume = Volume::from_vec((0..24).collect::<Vec<i16>>(), axial([2, 3, 4])).unwrap();
    nifti::write(&path, &volume).unwrap();
    let file = std::fs::read(path).unwrap();
    let i16_at = |at: usize| i16::from_le_bytes([file[at], file[at + 1]]);
    let f32_at = |at: usize| f32::from_le_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]]);
    assert_eq!(file.len(), 352 + 48);
    assert_eq!(file[..4], 348i32.to_le_bytes());
    assert_eq!([40, 42, 44, 46, 48, 50, 52, 54].map(i16_at), [3, 4, 3, 2, 1, 1, 1, 1]);
    assert_eq!([68, 70, 72].map(i16_at), [0, 4, 16]);
    // LPS axes are RAS turned by 180 degrees about z.
    assert_eq!([76, 80, 84, 88].map(f32_at), [1.0, 0.7, 0.8, 2.5]);
    assert_eq!([108, 112, 116].map(f32_at), [352.0, 1.0, 0.0]);
    assert_eq!(file[123], 2);
    assert_eq!([252, 254].map(i16_at), [1, 1]);
    assert_eq!([256, 260, 264].map(f32_at), [0.0, 0.0, 1.0]);
    assert_eq!([268, 272, 276].map(f32_at), [180.5, 170.25, 60.0]);
    assert_eq!([280, 284, 288, 292].map(f32_at), [-0.7, 0.0, 0.0, 180.5]);
    assert_eq!([296, 300, 304, 308].map(f32_at), [0.0, -0.8, 0.0, 170.25]);
    assert_eq!([312, 316, 320, 324].map(f32_at), [0.0, 0.0, 2.5, 60.0]);
    assert_eq!(file[344..352], *b"n+1\0\0\0\0\0");
    assert_eq!(file[352..356], [0, 0, 1, 0]);
}

#[test]
fn the_qform_agrees_or_is_left_out() {
    let (s, c) = 0.4f64.sin_cos();
    let turned = [[0.7 * c, -0.8 * s, 0.0], [0.7 * s, 0.8 * c, 0.0], [0.0, 0.0, 2.5]];
    let left_handed = [[0.7 * c, -0.8 * s, 0.0], [0.7 * s, 0.8 * c, 0.0], [0.0, 0.0, -2.5]];
    let cyclic = [[0.0, 0.0, -3.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]];
    for linear in [turned, left_handed, cyclic] {
        let volume = Volume::filled(1u8, ras(linear, [1.0, -2.0, 300.0]));
        let (back, report) = round_trip(&volume, "a.nii");
        assert!(back.geometry().is_close(volume.geometry(), 1e-4));
        assert!(report.disagreement_mm.unwrap() < 1e-4, "{linear:?}");
    }
    let tilted = [[0.7, 0.0, 0.0], [0.0, 0.8, 0.9], [0.0, 0.0, 2.5]];
    let volume = Volume::filled(1u8, ras(tilted, [1.0, -2.0, 300.0]));
    let (back, report) = round_trip(&volume, "a.nii");
    assert!(back.geometry().is_close(volume.geometry(), 1e-4));
    assert_eq!(report.disagreement_mm, None);
}

#[test]
fn every_fixture_survives_being_written() {
    for case in nifti_common::cases() {
        let (volume, _) = nifti::read_with::<f64>(path(&case.name), &case.options()).unwrap();
        let (back, _) = round_trip(&volume, "a.nii.gz");
        assert_eq!(back.as_slice(), volume.as_slice(), "{}", case.name);
        // Relative for the file in metres.
        let tolerance = 1e-6 * case.affine.iter().fold(1f64, |m, x| m.max(x.abs()));
        assert!(back.geometry().is_close(volume.geometry(), tolerance), "{}", case.name);
    }
}

#[test]
fn names_are_kept_and_other_extensions_refused() {
    let volume = Volume::filled(1i16, axial([2, 3, 4]));
    for name in ["sub-01.T1.nii", "sub-01.T1.nii.gz", "1.2.3.NII.GZ", ".nii"] {
        round_trip(&volume, name);
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.gz", "a.nii.bz2", "a", "anii", "a.nrrd"] {
        let found = nifti::write(folder.path().join(name), &volume);
        assert!(matches!(found, Err(Error::Invalid { what: "file extension", .. })), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    nifti::write(&path, &Volume::filled(1i16, axial([2, 3, 4]))).unwrap();
    let too_wide = Volume::filled(2u8, axial([1, 1, 32768]));
    let nifti1 = WriteOptions::new().version(Version::Nifti1);
    let found = nifti::write_with(&path, &too_wide, &nifti1);
    assert!(matches!(found, Err(Error::Unsupported { what: "extent", .. })));
    assert_eq!(nifti::read_as::<i16>(&path).unwrap().as_slice()[0], 1);
    nifti::write(&path, &Volume::filled(2u8, axial([1, 1, 32767]))).unwrap();
    assert_eq!(nifti::read_as::<i16>(&path).unwrap().size(), [1, 1, 32767]);
    let missing = folder.path().join("no/such/a.nii");
    assert!(matches!(nifti::write(missing, &Volume::filled(1u8, axial([1, 1, 1]))), Err(Error::Io { .. })));
}

#[test]
fn an_affine_that_f32_cannot_hold_is_refused() {
    let huge = ras([[1e50, 0.0, 0.0], [0.0, 1e50, 0.0], [0.0, 0.0, 1e50]], [0.0; 3]);
    let folder = tempfile::tempdir().unwrap();
    let found = nifti::write(folder.path().join("a.nii"), &Volume::filled(1u8, huge));
    assert!(matches!(found, Err(Error::Geometry { .. })), "{found:?}");
}

#[test]
fn labels_come_back_in_the_smallest_type() {
    let folder = tempfile::tempdir().unwrap();
    for (largest, datatype) in [(255u16, 2u8), (256, 0), (65535, 0)] {
        let values: Vec<u16> = [0, 1, largest].into_iter().cycle().take(24).collect();
        let labels = LabelMap::new(Volume::from_vec(values, axial([2, 3, 4])).unwrap());
        let path = folder.path().join("seg.nii");
        nifti::write_labels(&path, &labels).unwrap();
        let file = std::fs::read(&path).unwrap();
        let code = if datatype == 2 { 2i16 } else { 512 };
        assert_eq!(file[70..72], code.to_le_bytes());
        assert_eq!(file[68..70], 1002i16.to_le_bytes());
        let back = nifti::read_labels(&path).unwrap();
        assert_eq!(back.volume().as_slice(), labels.volume().as_slice());
    }
}
