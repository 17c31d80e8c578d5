//! Derived series, there and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dicom_support;

use std::path::Path;
use std::time::SystemTime;

use dicom_support::{fixture, only};
use medcore::{Affine3, Geometry, Volume};
use medio::dicom::derived::{self, DerivedOptions, ImageClass, NewStudy};
use medio::dicom::{self, NewSeries, Series};
use medio::{Error, nifti};

fn series_of(folder: &Path) -> Series {
    let study = dicom::scan(folder).unwrap();
    assert_eq!((study.len(), study.skipped().len()), (1, 0), "{study:?}");
    study[0].clone()
}

fn tilted() -> Geometry {
    let (s, c) = 33f64.to_radians().sin_cos();
    let affine =
        Affine3::new([[0.7 * c, -0.8 * s, 0.0], [0.7 * s, 0.8 * c, 0.9], [0.0, 0.0, 2.4]], [1.0, -2.0, 3.3]);
    Geometry::new([4, 5, 6], affine).unwrap()
}

fn real() -> Volume<f32> {
    Volume::from_vec((0..120).map(|v| (v as f32 * 0.37).sin() * 40.0).collect(), tilted()).unwrap()
}

#[test]
fn a_real_scan_is_exact_and_belongs_to_its_study() {
    let folder = tempfile::tempdir().unwrap();
    let source = dicom::scan(fixture("ct_chest/series")).unwrap()[0].clone();
    let (volume, _) = source.load().unwrap();
    let options = DerivedOptions::new().series(NewSeries::new("copy").number(77));
    let files = derived::write_series(folder.path(), &volume, &source, &options).unwrap();
    assert_eq!(files.len(), volume.size()[0]);
    let found = series_of(folder.path());
    let (back, report) = found.load().unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(back.geometry().is_close(volume.geometry(), 1e-4));
    assert_eq!(back.as_slice(), volume.as_slice());
    assert_eq!(found.study_uid(), source.study_uid());
    assert_eq!(found.frame_of_reference_uid(), source.frame_of_reference_uid());
    assert_ne!(found.uid(), source.uid());
    assert_eq!((found.modality(), found.description(), found.number()), ("CT", "copy", Some(77)));
}

#[test]
fn real_values_are_within_the_bound() {
    for class in [ImageClass::Ct, ImageClass::Mr, ImageClass::SecondaryCapture] {
        let folder = tempfile::tempdir().unwrap();
        let volume = real();
        let options = DerivedOptions::new().class(class);
        derived::write_study(folder.path(), &volume, &NewStudy::new(), &options).unwrap();
        let (back, report) = series_of(folder.path()).load().unwrap();
        assert!(back.geometry().is_close(volume.geometry(), 1e-4), "{class:?} {:?}", back.geometry());
        assert!(report.tilt_degrees.is_some() && report.assumed.is_empty(), "{class:?} {report:?}");
        let (low, high) = volume.min_max().unwrap();
        let bound = (high - low) / 131_070.0 * 1.001;
        for (a, b) in back.as_slice().iter().zip(volume.as_slice()) {
            assert!((a - b).abs() <= bound, "{class:?} {a} {b}");
        }
    }
}

#[test]
fn whole_numbers_of_any_sign_are_exact() {
    for values in [[-32768i32, 32767, 0, 5], [0, 65535, 7, 1], [100_000, 165_535, 100_001, 100_002], [3; 4]] {
        let folder = tempfile::tempdir().unwrap();
        let geometry = Geometry::new([1, 2, 2], *tilted().voxel_to_lps()).unwrap();
        let volume = Volume::from_vec(values.to_vec(), geometry).unwrap();
        derived::write_study(folder.path(), &volume, &NewStudy::new(), &DerivedOptions::new()).unwrap();
        let (back, _) = series_of(folder.path()).load().unwrap();
        assert_eq!(back.as_slice(), values.map(|v| v as f32));
    }
}

#[test]
fn a_left_handed_volume_keeps_its_places() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = tilted().voxel_to_lps().to_rows();
    for row in &mut rows {
        row[2] = -row[2];
    }
    let geometry = Geometry::new([4, 5, 6], Affine3::from_rows(rows)).unwrap();
    let volume = Volume::from_vec((0..120).collect::<Vec<i16>>(), geometry).unwrap();
    derived::write_study(folder.path(), &volume, &NewStudy::new(), &DerivedOptions::new()).unwrap();
    let (back, _) = series_of(folder.path()).load().unwrap();
    for index in [[0, 0, 0], [3, 4, 5], [1, 2, 3]] {
        let value = back.at(geometry.position(index)).unwrap();
        assert_eq!(value, f32::from(volume.voxels()[index]));
    }
}

#[test]
fn nifti_to_dicom_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let volume = nifti::read(fixture("ct_chest/ct_chest.nii.gz")).unwrap();
    let options = DerivedOptions::new().class(ImageClass::Ct);
    derived::write_study(folder.path(), &volume, &NewStudy::new(), &options).unwrap();
    let (back, _) = series_of(folder.path()).load().unwrap();
    // The NIfTI file has the orientation and the order of slices that it has: compared where the voxels are.
    let seen = back.resample_to(volume.geometry(), medcore::Interpolation::Nearest, f32::NAN).unwrap();
    assert_eq!(seen.as_slice(), volume.as_slice());
}

#[test]
fn a_seed_makes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, seed: &str| {
        let series = NewSeries::new("fixed").uid_seed(seed).time(SystemTime::UNIX_EPOCH);
        let options = DerivedOptions::new().series(series);
        let files =
            derived::write_series(folder.path().join(name), &real(), &only("oblique"), &options).unwrap();
        std::fs::read(&files[2]).unwrap()
    };
    assert!(write("a", "1") == write("b", "1"));
    assert!(write("c", "1") != write("d", "2"));
}

#[test]
fn volumes_of_one_study() {
    let folder = tempfile::tempdir().unwrap();
    let study = NewStudy::new().patient("PHANTOM^ONE", "P1").uids("2.25.1", "2.25.2");
    for name in ["a", "b"] {
        let options = DerivedOptions::new().series(NewSeries::new(name));
        derived::write_study(folder.path().join(name), &real(), &study, &options).unwrap();
    }
    let found = dicom::scan(folder.path()).unwrap();
    assert_eq!(found.len(), 2);
    for series in found.iter() {
        assert_eq!((series.study_uid(), series.frame_of_reference_uid()), ("2.25.1", "2.25.2"));
    }
}

#[test]
fn what_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, volume: &Volume<f32>, options: DerivedOptions| {
        derived::write_study(folder.path().join(name), volume, &NewStudy::new(), &options)
    };
    let nan = Volume::filled(f32::NAN, tilted());
    assert!(matches!(write("a", &nan, DerivedOptions::new()), Err(Error::Invalid { what: "voxels", .. })));
    let long = DerivedOptions::new().description("x".repeat(1025));
    assert!(matches!(write("b", &real(), long), Err(Error::Invalid { what: "DerivationDescription", .. })));
    write("c", &real(), DerivedOptions::new()).unwrap();
    let again = write("c", &real(), DerivedOptions::new());
    assert!(matches!(again, Err(Error::Invalid { what: "output folder", .. })));
    let name = NewStudy::new().patient("A\\B", "1");
    let found = derived::write_study(folder.path().join("d"), &real(), &name, &DerivedOptions::new());
    assert!(matches!(found, Err(Error::Invalid { what: "PatientName", .. })));
}
