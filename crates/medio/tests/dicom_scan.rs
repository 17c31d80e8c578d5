//! What a scan finds in a folder.

mod dicom_support;

use std::ops::ControlFlow;

use dicom_support::{assert_expected, fixture, only, scan};
use medio::Error;
use medio::dicom::{self, LoadOptions, SkipReason, SplitBy};

#[test]
fn two_series_and_what_is_none() {
    let study = scan("two_series");
    // By SeriesNumber: 6 before 7.
    let numbers: Vec<_> = study.iter().map(|s| s.number()).collect();
    assert_eq!(numbers, [Some(6), Some(7)]);
    for (series, name) in study.iter().zip(["y", "x"]) {
        assert_expected(&format!("two_series/{name}"), &series.load().unwrap().0, 0.0);
        assert!(series.split().is_empty());
        assert_eq!((series.modality(), series.description()), ("CT", "two_series"));
        assert!(series.uid().starts_with("2.25."));
    }
    let mut reasons: Vec<_> = study
        .skipped()
        .iter()
        .map(|s| (s.path.file_name().unwrap().to_string_lossy().into_owned(), s.reason.clone()))
        .collect();
    reasons.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        reasons,
        [("notes.txt".to_string(), SkipReason::NotDicom), ("report".to_string(), SkipReason::NotAnImage)]
    );
}

#[test]
fn two_orientations_of_one_series_are_two_volumes() {
    let study = scan("two_orientations");
    assert_eq!(study.len(), 2);
    let mut orientations: Vec<_> = study.iter().map(|s| s.orientation().unwrap().to_string()).collect();
    orientations.sort();
    assert_eq!(orientations, ["LIP", "LPS"]);
    for series in study.iter() {
        assert_eq!(series.uid(), study[0].uid());
        assert_eq!(series.size()[0], 4);
        let split: Vec<_> = series.split().iter().map(|s| s.by).collect();
        assert_eq!(split, [SplitBy::Orientation]);
        assert!(series.load().unwrap().1.is_clean());
    }
}

#[test]
fn echoes_at_the_same_positions_are_volumes() {
    let study = scan("two_echoes");
    assert_eq!(study.len(), 2);
    for (k, (series, time)) in study.iter().zip(["4.6", "12.5"]).enumerate() {
        let split: Vec<_> = series.split().iter().map(|s| (s.by, s.value.as_str())).collect();
        assert_eq!(split, [(SplitBy::Echo, time)]);
        assert_expected(&format!("two_echoes/{k}"), &series.load().unwrap().0, 0.0);
    }
}

#[test]
fn files_are_in_the_order_of_positions() {
    let series = only("descending");
    let names: Vec<_> =
        series.files().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["2.dcm", "1.dcm", "0.dcm", "3.dcm"]);
}

#[test]
fn a_single_file_is_a_series() {
    let study = dicom::scan(fixture("dicom/explicit_le/2.dcm")).unwrap();
    assert_eq!(study[0].size(), [1, 6, 8]);
}

#[test]
fn nothing_to_read_is_an_error_that_says_why() {
    let error = dicom::scan(fixture("dicom/two_series/notes.txt")).unwrap_err();
    assert!(matches!(&error, Error::NoImages { skipped, .. } if skipped[0].reason == SkipReason::NotDicom));
    let error = dicom::scan(fixture("dicom/multi_frame")).unwrap_err();
    assert!(
        matches!(&error, Error::NoImages { skipped, .. } if skipped[0].reason == SkipReason::MultiFrame { frames: 3 })
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(dicom::scan(folder.path()), Err(Error::NoImages { skipped, .. }) if skipped.is_empty()));
    assert!(matches!(dicom::scan(folder.path().join("none")), Err(Error::Io { .. })));
}

#[test]
fn scanning_and_loading_can_be_followed_and_cancelled() {
    let done = std::sync::atomic::AtomicUsize::new(0);
    let count = |_| {
        done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let study = dicom::scan_with(fixture("dicom/explicit_le"), &count).unwrap();
    study[0].load_with_progress(&LoadOptions::new(), &count).unwrap();
    assert_eq!(done.into_inner(), 8);
    let stop = |_| ControlFlow::Break(());
    let found = dicom::scan_with(fixture("dicom/explicit_le"), &stop);
    assert!(matches!(found, Err(Error::Cancelled { .. })));
    let found = study[0].load_with_progress(&LoadOptions::new(), &stop);
    assert!(matches!(found, Err(Error::Cancelled { .. })));
}

#[test]
fn debug_output_shows_no_text_of_the_files() {
    let study = scan("two_series");
    let shown = format!("{:?}", study.series());
    assert!(shown.contains("\"CT\"") && !shown.contains("2.25.") && !shown.contains("two_series"), "{shown}");
}
