//! What `WriteOptions` asks for is in the file, and comes back.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod nifti_common;

use medcore::{Affine3, Geometry, Point3, Ras, Spacing, Volume, Voxel};
use medio::nifti::{
    self, DataType, Extension, ReadOptions, Report, TimeAxis, TimeUnit, Transform, Version, VolumeSeries,
    WriteOptions,
};
use medio::{Error, NumberType, Scaling};
use nifti_common::path;

fn axial(size: [usize; 3]) -> Geometry {
    Geometry::axial(size, Spacing::new(0.7, 0.8, 2.5), Point3::new(-180.5, -170.25, 60.0)).unwrap()
}

fn ramp() -> Volume<f32> {
    let values = (0..24).map(|i| i as f32 * 0.37 - 4.0).collect();
    Volume::from_vec(values, axial([2, 3, 4])).unwrap()
}

fn round_trip(volume: &Volume<f32>, name: &str, options: &WriteOptions) -> (Volume<f32>, Report) {
    let folder = tempfile::tempdir().unwrap();
    nifti::write_with(folder.path().join(name), volume, options).unwrap();
    nifti::read_with(folder.path().join(name), &ReadOptions::new()).unwrap()
}

fn two_extensions() -> Vec<Extension> {
    vec![
        Extension { code: 6, data: b"a comment of 24 letters!".to_vec() },
        Extension { code: 4, data: vec![9; 8] },
    ]
}

fn rich() -> WriteOptions {
    WriteOptions::new()
        .transform_codes(4, 2)
        .intent(1001)
        .description("a phantom")
        .extensions(two_extensions())
        .level(9)
}

#[test]
fn everything_comes_back_in_every_container() {
    let names = ["a.nii", "a.nii.gz", "a.hdr", "a.img", "sub-01.T1.hdr.gz", "B.IMG.GZ"];
    for version in [Version::Nifti1, Version::Nifti2] {
        for name in names {
            let (back, report) = round_trip(&ramp(), name, &rich().version(version));
            assert_eq!(back.as_slice(), ramp().as_slice());
            let tolerance = if version == Version::Nifti2 { 1e-9 } else { 1e-4 };
            assert!(back.geometry().is_close(ramp().geometry(), tolerance), "{name}");
            assert!(report.is_clean(), "{name}: {report:?}");
            assert_eq!((report.version, report.intent), (version, 1001));
            assert_eq!((report.sform_code, report.qform_code), (4, 2));
            assert_eq!(report.description, "a phantom");
            assert_eq!(report.extensions, two_extensions());
            // What was read is written again as it was.
            let (_, again) = round_trip(&back, name, &WriteOptions::like(&report));
            assert_eq!(again, report, "{name}");
        }
    }
}

#[test]
fn both_parts_of_a_pair_are_written() {
    let folder = tempfile::tempdir().unwrap();
    nifti::write(folder.path().join("a.b.img.gz"), &ramp()).unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.b.hdr.gz", "a.b.img.gz"]);
}

#[test]
fn long_extents_make_it_nifti_2() {
    let long = Volume::filled(2.0, axial([1, 1, 32768]));
    assert_eq!(round_trip(&long, "a.nii.gz", &WriteOptions::new()).1.version, Version::Nifti2);
    let fits = Volume::filled(2.0, axial([1, 32767, 1]));
    assert_eq!(round_trip(&fits, "a.nii.gz", &WriteOptions::new()).1.version, Version::Nifti1);
}

#[test]
fn one_transform_alone() {
    let (back, report) = round_trip(&ramp(), "a.nii", &WriteOptions::new().transform_codes(0, 3));
    assert_eq!(report.transform, Transform::Qform { code: 3 });
    assert!(back.geometry().is_close(ramp().geometry(), 1e-4));
    let (back, report) = round_trip(&ramp(), "a.nii", &WriteOptions::new().transform_codes(3, 0));
    assert_eq!((report.transform, report.qform_code), (Transform::Sform { code: 3 }, 0));
    assert!(back.geometry().is_close(ramp().geometry(), 1e-4));
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tilted: Affine3<Voxel, Ras> =
        Affine3::new([[0.7, 0.0, 0.0], [0.0, 0.8, 0.9], [0.0, 0.0, 2.5]], [0.0; 3]);
    let tilted = Volume::filled(1.0, Geometry::new([2, 3, 4], tilted.to_lps()).unwrap());
    let mut nan = ramp();
    nan.voxels_mut()[[0, 0, 0]] = f32::NAN;
    let zero = Scaling { slope: 0.0, inter: 0.0 };
    for (volume, options) in [
        (&ramp(), WriteOptions::new().transform_codes(0, 0)),
        (&ramp(), WriteOptions::new().transform_codes(-1, 1)),
        (&tilted, WriteOptions::new().transform_codes(0, 1)),
        (&ramp(), WriteOptions::new().description("x".repeat(80))),
        (&ramp(), WriteOptions::new().intent(40_000)),
        (&nan, WriteOptions::new().scaled(NumberType::I16)),
        (&ramp(), WriteOptions::new().scaled_by(NumberType::I16, zero)),
        (&ramp(), WriteOptions::new().version(Version::Analyze75)),
    ] {
        let found = nifti::write_with(folder.path().join("a.nii"), volume, &options);
        assert!(matches!(found, Err(Error::Invalid { .. } | Error::Unsupported { .. })), "{options:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn scaled_storage_states_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    for version in [Version::Nifti1, Version::Nifti2] {
        for (number, datatype) in [
            (NumberType::U8, DataType::U8),
            (NumberType::I8, DataType::I8),
            (NumberType::U16, DataType::U16),
            (NumberType::I16, DataType::I16),
            (NumberType::I32, DataType::I32),
        ] {
            let options = WriteOptions::new().version(version).scaled(number);
            let stated = nifti::write_with(&path, &ramp(), &options).unwrap();
            let (back, report) = nifti::read_with::<f64>(&path, &ReadOptions::new()).unwrap();
            assert_eq!((report.datatype, report.scaling), (datatype, stated.scaling));
            let pairs = back.as_slice().iter().zip(ramp().as_slice().to_vec());
            let found = pairs.map(|(a, b)| (a - f64::from(b)).abs()).fold(0.0, f64::max);
            assert!((found - stated.max_error).abs() < 1e-12, "{number:?} {found} {stated:?}");
            // At most half a step, and what f32 rounds of the intercept.
            assert!(stated.max_error <= 0.5 * stated.scaling.unwrap().slope + 1e-6, "{number:?} {stated:?}");
        }
    }
    let own = Scaling { slope: 0.25, inter: 1.0 };
    let options = WriteOptions::new().scaled_by(NumberType::U8, own);
    let stated = nifti::write_with(&path, &ramp(), &options).unwrap();
    // The values from -4 up to 1 are beyond what it can stand for, and the error says so.
    assert_eq!((stated.scaling, stated.max_error), (Some(own), 5.0));
    let whole = Volume::from_vec((0..24).map(|i| i as f32 * 3.0).collect(), axial([2, 3, 4])).unwrap();
    let stated = nifti::write_with(&path, &whole, &WriteOptions::new().scaled(NumberType::U8)).unwrap();
    assert_eq!((stated.scaling, stated.max_error), (None, 0.0));
    let flat = Volume::filled(0.5, axial([2, 3, 4]));
    let stated = nifti::write_with(&path, &flat, &WriteOptions::new().scaled(NumberType::I16)).unwrap();
    assert_eq!(stated.max_error, 0.0);
}

#[test]
fn series_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["series_4d.nii", "series_5d.nii", "series_7d_be.nii"] {
        let (series, report) = nifti::read_series::<i16>(path(name), &ReadOptions::new()).unwrap();
        let file = folder.path().join("a.nii.gz");
        nifti::write_series(&file, &series, &WriteOptions::like(&report)).unwrap();
        let (back, again) = nifti::read_series::<i16>(&file, &ReadOptions::new()).unwrap();
        assert_eq!(back, series);
        assert_eq!((again.time, again.version), (report.time, report.version));
    }
    let time = TimeAxis { start: 0.0, step: 2.0, unit: TimeUnit::Second };
    let series = VolumeSeries::new(vec![ramp(), ramp(), ramp()], Some(time)).unwrap();
    nifti::write_series(folder.path().join("b.nii"), &series, &WriteOptions::new()).unwrap();
    let (back, report) = nifti::read_series::<f32>(folder.path().join("b.nii"), &ReadOptions::new()).unwrap();
    assert_eq!((back.volumes().len(), back.time(), report.further_extents), (3, Some(time), vec![3]));
    let other = Volume::filled(1.0, axial([2, 3, 5]));
    assert!(VolumeSeries::new(vec![ramp(), other], None).is_err());
    assert!(VolumeSeries::<f32>::new(vec![], None).is_err());
}
