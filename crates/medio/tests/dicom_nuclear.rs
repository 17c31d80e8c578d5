//! Nuclear medicine: reconstructed slices have places, other frames are sequences.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod dicom_support;

use dicom_support::fixture;
use medio::dicom::{self, SeriesKind, SplitBy, Study};

fn scan(case: &str) -> Study {
    dicom::scan(fixture("dicom_nm").join(format!("{case}.dcm"))).unwrap()
}

fn numbers(json: &serde_json::Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn reconstructed_slices_are_where_simpleitk_finds_them() {
    let study = scan("recon");
    assert_eq!((study.len(), study[0].kind()), (1, SeriesKind::Volume));
    let (volume, report) = study[0].load().unwrap();
    assert!(report.is_clean(), "{report:?}");
    let text = std::fs::read_to_string(fixture("dicom_nm/expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (origin, spacing) = (numbers(&expected["origin"]), numbers(&expected["spacing"]));
    assert_eq!(numbers(&expected["direction"]), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(volume.geometry().position([0, 0, 0]).coords().to_vec(), origin);
    let far = volume.geometry().position([4, 2, 3]).coords();
    for (axis, steps) in [3.0, 2.0, 4.0].into_iter().enumerate() {
        assert!((far[axis] - origin[axis] - steps * spacing[axis]).abs() < 1e-9);
    }
    let stored: Vec<f32> = (0..60u8).map(f32::from).collect();
    assert_eq!(volume.as_slice(), stored);
}

#[test]
fn a_negative_distance_stacks_against_the_normal() {
    let (volume, report) = scan("recon_downwards")[0].load().unwrap();
    assert!(report.is_clean(), "{report:?}");
    // The last frame is the lowest slice.
    assert_eq!(volume.geometry().position([0, 0, 0]).coords(), [-150.5, -140.25, 18.0]);
    assert_eq!(volume.as_slice()[0], 24.0);
}

fn splits(study: &Study) -> Vec<Vec<(SplitBy, &str)>> {
    study.iter().map(|s| s.split().iter().map(|s| (s.by, s.value.as_str())).collect()).collect()
}

#[test]
fn each_time_slot_of_a_gated_reconstruction_is_a_volume() {
    let study = scan("recon_gated");
    let slot = |n| vec![(SplitBy::TemporalPosition, n)];
    assert_eq!(splits(&study), [slot("1"), slot("2")]);
    for (series, first) in study.iter().zip([0.0, 36.0]) {
        let (volume, report) = series.load().unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!((volume.size(), volume.as_slice()[0]), ([3, 3, 4], first));
    }
}

#[test]
fn other_frames_are_sequences_of_each_detector() {
    let study = scan("dynamic");
    let detector = |n| vec![(SplitBy::Detector, n)];
    assert_eq!(splits(&study), [detector("1"), detector("2")]);
    for (series, first) in study.iter().zip([0.0, 36.0]) {
        assert_eq!((series.kind(), series.frames()), (SeriesKind::Sequence, 3));
        let image = series.image(0).unwrap();
        assert_eq!(image.pixels()[[0, 0, 0]], first);
    }
    let study = scan("whole_body");
    assert_eq!(splits(&study), [detector("1"), detector("2")]);
    assert!(study.iter().all(|s| s.frames() == 1 && s.kind() == SeriesKind::Projection));
    let study = scan("tomo");
    assert_eq!((study.len(), study[0].kind(), study[0].frames()), (1, SeriesKind::Sequence, 4));
}
