//! Defects of series: rejected, accepted or repaired, by the caller's choice.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod dicom_support;

use dicom_support::{assert_expected, expected_values, fixture, load_with, only, scan};
use medio::Error;
use medio::dicom::{LoadOptions, Policy, SpacingPolicy};

#[test]
fn a_missing_slice_is_an_error_that_says_where() {
    let error = only("missing_slice").load().unwrap_err();
    let Error::IrregularSpacing { path, next, expected_mm, found_mm, from_mm, to_mm } = &error else {
        panic!("{error}")
    };
    assert!(path.ends_with("missing_slice/2.dcm") && next.ends_with("missing_slice/4.dcm"));
    assert_eq!((*expected_mm, *found_mm, *from_mm, *to_mm), (2.5, 5.0, -95.0, -90.0));
    assert!(error.to_string().contains("LoadOptions::irregular_spacing"));
}

#[test]
fn a_missing_slice_can_be_accepted() {
    let options = LoadOptions::new().irregular_spacing(SpacingPolicy::Warn);
    let (volume, report) = load_with("missing_slice", &options).unwrap();
    assert_expected("missing_slice", &volume, 0.0);
    let found = report.irregular_spacing.unwrap();
    assert!(!found.resampled && !report.is_clean());
    assert_eq!((found.step_mm, found.largest_deviation_mm, found.slice), (3.125, 1.25, 2));
}

#[test]
fn a_missing_slice_can_be_interpolated() {
    let options = LoadOptions::new().irregular_spacing(SpacingPolicy::Resample);
    let (volume, report) = load_with("missing_slice", &options).unwrap();
    assert!(report.irregular_spacing.unwrap().resampled);
    assert_eq!(volume.size(), [6, 6, 8]);
    assert!((volume.spacing().slice - 2.5).abs() < 1e-9);
    let (_, values) = expected_values("missing_slice");
    let slice = |k: usize| &values[k * 48..(k + 1) * 48];
    for (k, source) in [(0, 0), (1, 1), (2, 2), (4, 3), (5, 4)] {
        assert_eq!(&volume.as_slice()[k * 48..(k + 1) * 48], slice(source), "slice {k}");
    }
    for (found, (a, b)) in volume.as_slice()[3 * 48..4 * 48].iter().zip(slice(2).iter().zip(slice(3))) {
        assert!((found - (a + b) / 2.0).abs() < 1e-3);
    }
}

#[test]
fn a_wider_tolerance_lets_the_gap_pass() {
    let (_, report) = load_with("missing_slice", &LoadOptions::new().spacing_tolerance(0.5)).unwrap();
    assert_eq!(report.irregular_spacing, None);
}

#[test]
fn two_slices_at_one_position() {
    let series = only("duplicate");
    assert_eq!(series.size(), [4, 6, 8]);
    let error = series.load().unwrap_err();
    let Error::DuplicatePosition { path, other, position_mm } = &error else { panic!("{error}") };
    // The first by InstanceNumber, though not by name.
    assert!(path.ends_with("duplicate/b2.dcm") && other.ends_with("duplicate/a.dcm"));
    assert_eq!(*position_mm, -95.0);
    let (volume, report) = series.load_with(&LoadOptions::new().duplicates(Policy::Warn)).unwrap();
    assert_expected("duplicate", &volume, 0.0);
    assert!(report.duplicates.len() == 1 && !report.is_clean());
    assert!(report.duplicates[0].kept.ends_with("duplicate/b2.dcm"));
    assert!(report.duplicates[0].dropped[0].ends_with("duplicate/a.dcm"));
}

#[test]
fn tilt_and_lossy_compression_can_be_rejected() {
    let found = load_with("tilt", &LoadOptions::new().tilt(Policy::Reject));
    assert!(matches!(found, Err(Error::Tilted { degrees, .. }) if (degrees - 20.0).abs() < 1e-6));
    let found = load_with("jpeg_baseline", &LoadOptions::new().lossy(Policy::Reject));
    assert!(matches!(found, Err(Error::Lossy { .. })));
}

#[test]
fn what_is_not_read_is_named() {
    let error = only("colour").load().unwrap_err();
    assert!(matches!(&error, Error::NotAVolume { found, .. } if found == "colour (RGB)"), "{error}");
    let error = only("jpeg_ls").load().unwrap_err();
    assert!(
        matches!(&error, Error::UnsupportedTransferSyntax { uid, feature: None, .. } if uid == "1.2.840.10008.1.2.4.80"),
        "{error}"
    );
    assert!(error.to_string().contains("JPEG-LS"), "{error}");
}

#[cfg(not(feature = "jpeg2000"))]
#[test]
fn jpeg_2000_names_its_feature() {
    let error = only("jpeg2000").load().unwrap_err();
    assert!(matches!(error, Error::UnsupportedTransferSyntax { feature: Some("jpeg2000"), .. }), "{error}");
    assert!(error.to_string().contains("\"jpeg2000\""), "{error}");
}

#[test]
fn broken_files_are_named() {
    let error = only("truncated").load().unwrap_err();
    assert!(matches!(&error, Error::Truncated { expected: 96, found: 86, .. }), "{error}");
    assert!(error.path().ends_with("truncated/2.dcm"));
    let error = only("absurd_size").load().unwrap_err();
    assert!(matches!(&error, Error::Truncated { expected: 8_589_672_450, found: 96, .. }), "{error}");
    let study = scan("missing_position");
    assert_eq!((study.len(), study[0].spacing()), (1, None));
    let error = study[0].load().unwrap_err();
    assert!(matches!(&error, Error::MissingAttribute { attribute: "ImagePositionPatient", .. }), "{error}");
    assert!(error.path().ends_with("missing_position/1.dcm"));
}

#[test]
fn a_file_that_changed_since_the_scan_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.dcm");
    std::fs::copy(fixture("dicom/explicit_le/0.dcm"), &path).unwrap();
    let study = medio::dicom::scan(folder.path()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    assert!(matches!(study[0].load(), Err(Error::Truncated { .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(study[0].load(), Err(Error::Io { .. })));
}

#[test]
fn ct_and_pet_without_a_rescale_are_errors() {
    let load = |name: &str| {
        let study = medio::dicom::scan(fixture("dicom/missing_rescale").join(name)).unwrap();
        study[0].load()
    };
    for (name, expected) in [
        ("ct_no_slope.dcm", "RescaleSlope"),
        ("ct_empty_slope.dcm", "RescaleSlope"),
        ("ct_no_intercept.dcm", "RescaleIntercept"),
        ("pet_no_slope.dcm", "RescaleSlope"),
    ] {
        let error = load(name).unwrap_err();
        assert!(
            matches!(&error, Error::MissingAttribute { attribute, .. } if *attribute == expected),
            "{error}"
        );
        assert!(error.path().ends_with(name));
    }
    // The values of MR have no unit.
    assert_expected("missing_rescale", &load("mr.dcm").unwrap().0, 0.0);
}

#[cfg(feature = "jpeg2000")]
#[test]
fn a_subsampled_jpeg_2000_image_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.dcm");
    let whole = std::fs::read(fixture("dicom/jpeg2000/0.dcm")).unwrap();
    let size = whole.windows(4).position(|w| w == [0xFF, 0x4F, 0xFF, 0x51]).unwrap() + 4;
    // XRsiz, then YRsiz.
    for at in [size + 39, size + 40] {
        let mut bytes = whole.clone();
        assert_eq!(bytes[at], 1);
        bytes[at] = 2;
        std::fs::write(&path, bytes).unwrap();
        let error = medio::dicom::scan(&path).unwrap()[0].load().unwrap_err();
        assert!(
            matches!(&error, Error::Decode { reason, .. } if reason.contains("each pixel sampled")),
            "{error}"
        );
    }
}

/// The slice 0 of `explicit_le` with other text as its RescaleSlope.
fn with_slope(text: &[u8; 4]) -> medio::Result<f32> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.dcm");
    let mut bytes = std::fs::read(fixture("dicom/explicit_le/0.dcm")).unwrap();
    let element = b"\x28\x00\x53\x10DS\x04\x00";
    let at = bytes.windows(8).position(|w| w == element).unwrap() + 8;
    bytes[at..at + 4].copy_from_slice(text);
    std::fs::write(&path, bytes).unwrap();
    let (volume, _) = medio::dicom::scan(&path).unwrap()[0].load()?;
    Ok(volume.as_slice()[0])
}

#[test]
fn a_slope_that_is_none_leaves_no_value_unscaled() {
    let first = expected_values("explicit_le").1[0];
    assert_eq!(with_slope(b"1.0 ").unwrap(), first);
    assert_eq!(with_slope(b"2.0 ").unwrap(), 2.0 * (first + 1024.0) - 1024.0);
    for text in [b"0.0 ", b"x.0 ", b"1,0 "] {
        let error = with_slope(text).unwrap_err();
        assert!(
            matches!(&error, Error::Invalid { what: "RescaleSlope and RescaleIntercept", .. }),
            "{error}"
        );
    }
}
