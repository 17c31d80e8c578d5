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
    let text = std::fs::read_to_string(fixture("dicom_nm/expected.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    // A negative distance stacks the slices against the normal: the last frame is the lowest slice.
    for (case, last, first_frame) in [("recon", 4usize, 0.0), ("recon_downwards", 2, 24.0)] {
        let study = scan(case);
        assert_eq!((study.len(), study[0].kind()), (1, SeriesKind::Volume));
        let (volume, report) = study[0].load().unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(volume.as_slice()[0], first_frame);
        let [origin, spacing, direction] =
            ["origin", "spacing", "direction"].map(|k| numbers(&json[case][k]));
        for (frame, column, row) in [(0, 0, 0), (last, 3, 2), (1, 2, 0)] {
            let slice = if first_frame == 0.0 { frame } else { last - frame };
            let found = volume.geometry().position([slice, row, column]).coords();
            for axis in 0..3 {
                let index = [column, row, frame].map(|n| n as f64);
                let step = |k: usize| direction[3 * axis + k] * spacing[k] * index[k];
                let expected = origin[axis] + (0..3).map(step).sum::<f64>();
                assert!((found[axis] - expected).abs() < 1e-9, "{case}: {found:?}");
            }
        }
    }
    let (volume, _) = scan("recon")[0].load().unwrap();
    assert_eq!(volume.as_slice(), (0..60u8).map(f32::from).collect::<Vec<_>>());
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
