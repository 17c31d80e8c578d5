//! Voxels and geometry against pydicom and SimpleITK.

mod dicom_support;

use dicom_support::{assert_expected, assert_values, expected_values, load, load_with, only};
use medio::dicom::{Assumption, LoadOptions, Padding};

#[test]
fn every_encoding_gives_the_same_values() {
    for case in [
        "implicit_le",
        "explicit_le",
        "explicit_be",
        "deflated",
        "rle",
        "jpeg_lossless",
        "no_preamble",
        "no_meta",
    ] {
        let (volume, report) = load(case);
        assert_expected(case, &volume, 0.0);
        assert!(report.is_clean(), "{case}: {report:?}");
    }
}

#[test]
fn lossy_jpeg_is_within_one_and_reported() {
    let (volume, report) = load("jpeg_baseline");
    assert_expected("jpeg_baseline", &volume, 1.0);
    assert_eq!(report.lossy_slices, 4);
    assert!(!report.is_clean());
}

#[cfg(feature = "jpeg2000")]
#[test]
fn jpeg_2000() {
    let (volume, report) = load("jpeg2000");
    assert_expected("jpeg2000", &volume, 0.0);
    assert!(report.is_clean());
}

#[test]
fn bits_are_shifted_masked_and_signed() {
    for case in ["signed_12", "high_bit_15", "unsigned_8", "unsigned_8_be"] {
        let (volume, report) = load(case);
        assert_expected(case, &volume, 0.0);
        assert!(report.is_clean(), "{case}: {report:?}");
    }
}

#[test]
fn each_slice_is_rescaled_by_its_own_slope() {
    let (volume, report) = load("per_slice_rescale");
    assert_expected("per_slice_rescale", &volume, 0.0);
    assert!(report.varying_rescale);
    // A fact, not a defect.
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn padding_is_kept_or_replaced_and_counted() {
    let (volume, report) = load("padding");
    assert_expected("padding", &volume, 0.0);
    assert_eq!(report.padding_voxels, 16);
    assert!(report.is_clean(), "{report:?}");
    let (_, kept) = expected_values("padding");
    let (volume, report) =
        load_with("padding", &LoadOptions::new().padding(Padding::Value(-3000.0))).unwrap();
    assert_eq!(report.padding_voxels, 16);
    for (found, kept) in volume.as_slice().iter().zip(kept) {
        let is_padding = kept == -2024.0 || kept == -2023.0;
        assert_eq!(*found, if is_padding { -3000.0 } else { kept });
    }
}

#[test]
fn slices_ascend_along_their_normal_wherever_it_points() {
    for (case, orientation) in [("oblique", "LPS"), ("descending", "LPS"), ("sagittal", "PIR")] {
        let (volume, report) = load(case);
        assert_expected(case, &volume, 0.0);
        assert!(report.is_clean(), "{case}: {report:?}");
        assert_eq!(volume.orientation().to_string(), orientation, "{case}");
        // Positions count, not SliceThickness (9) nor SpacingBetweenSlices (7).
        assert!((volume.spacing().slice - 2.5).abs() < 1e-6);
    }
}

#[test]
fn gantry_tilt_is_a_sheared_affine() {
    let (volume, report) = load("tilt");
    assert_expected("tilt", &volume, 0.0);
    assert!((report.tilt_degrees.unwrap() - 20.0).abs() < 1e-6);
    assert!(!report.is_clean());
    assert!(!volume.geometry().is_orthogonal(1e-4));
}

#[test]
fn a_single_slice_has_an_assumed_extent() {
    let (volume, report) = load("single_slice");
    assert_expected("single_slice", &volume, 0.0);
    assert_eq!(report.assumed, [Assumption::SliceSpacingFromHeader]);
    assert!(!report.is_clean());
}

#[test]
fn projections_are_volumes_of_one_slice() {
    let study = dicom_support::scan("projection");
    assert_eq!(study.len(), 2);
    for (k, series) in study.iter().enumerate() {
        let (volume, report) = series.load().unwrap();
        assert_expected(&format!("projection/{k}"), &volume, 0.0);
        assert!(report.monochrome1);
        let expected = [
            Assumption::Orientation,
            Assumption::ImagerPixelSpacing,
            Assumption::Position,
            Assumption::SliceSpacing,
        ];
        assert_eq!(report.assumed, expected);
    }
}

#[test]
fn the_scan_knows_what_loading_will_give() {
    for case in ["explicit_le", "oblique", "tilt", "single_slice"] {
        let series = only(case);
        let (volume, _) = series.load().unwrap();
        assert_eq!(series.size(), volume.size());
        assert_eq!(series.spacing(), Some(volume.spacing()));
        assert_eq!(series.orientation(), Some(volume.orientation()));
        assert_values(case, &volume, 0.0);
    }
}
