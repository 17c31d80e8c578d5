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
        // EchoNumbers are there, but empty.
        assert_eq!(split, [(SplitBy::EchoTime, time)]);
        assert_expected(&format!("two_echoes/{k}"), &series.load().unwrap().0, 0.0);
    }
}

#[test]
fn what_differs_from_image_to_image_tells_no_volumes_apart() {
    let series = only("numbered_images");
    assert_eq!((series.size(), series.files().len()), ([4, 6, 8], 5));
    assert!(series.split().is_empty());
    let error = series.load().unwrap_err();
    assert!(matches!(error, Error::DuplicatePosition { .. }), "{error}");
}

#[test]
fn one_frame_in_functional_groups_is_not_taken_for_a_plain_image() {
    let load = |name: &str| dicom::scan(fixture("dicom/one_frame").join(name)).unwrap()[0].load();
    assert!(load("plain.dcm").is_ok());
    for name in ["shared.dcm", "per_frame.dcm"] {
        // Its groups do not place it.
        let error = load(name).unwrap_err();
        assert!(
            matches!(&error, Error::MissingAttribute { attribute: "ImageOrientationPatient", .. }),
            "{error}"
        );
    }
    let (dose, _) = load("dose.dcm").unwrap();
    let (plain, _) = load("plain.dcm").unwrap();
    for (dose, plain) in dose.as_slice().iter().zip(plain.as_slice()) {
        assert_eq!(*dose, (f64::from(plain + 1024.0) * 1e-4) as f32);
    }
    let error = dicom::scan(fixture("dicom/one_frame/zero_frames.dcm")).unwrap_err();
    assert!(matches!(&error, Error::NoImages { skipped, .. } if skipped[0].reason == SkipReason::FrameCount));
}

#[test]
fn a_number_of_frames_that_is_none_is_not_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.dcm");
    let mut bytes = std::fs::read(fixture("dicom/one_frame/plain.dcm")).unwrap();
    let at = bytes.windows(8).position(|w| w == b"\x28\x00\x08\x00IS\x02\x00").unwrap() + 8;
    for (text, is_image) in [(b"1 ", true), (b"  ", true), (b"x ", false), (b"-1", false)] {
        bytes[at..at + 2].copy_from_slice(text);
        std::fs::write(&path, &bytes).unwrap();
        match dicom::scan(&path) {
            Ok(study) => assert!(is_image && study.len() == 1, "{text:?}"),
            Err(Error::NoImages { skipped, .. }) => {
                assert!(!is_image && skipped[0].reason == SkipReason::FrameCount, "{text:?}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_files_and_skipped_when_they_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let link = |name: &str, target: &std::path::Path| symlink(target, folder.path().join(name)).unwrap();
    link("slice", &std::fs::canonicalize(fixture("dicom/explicit_le/0.dcm")).unwrap());
    link("broken", &folder.path().join("gone"));
    link("circle", folder.path());
    let study = dicom::scan(folder.path()).unwrap();
    assert_eq!((study.len(), study[0].files().len()), (1, 1));
    let [skipped] = study.skipped() else { panic!("{:?}", study.skipped()) };
    assert!(skipped.path.ends_with("broken"));
    assert_eq!(skipped.reason, SkipReason::Io(std::io::ErrorKind::NotFound));
}

#[test]
fn files_are_in_the_order_of_positions() {
    let series = only("descending");
    let names: Vec<_> =
        series.files().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["2.dcm", "1.dcm", "0.dcm", "3.dcm"]);
}

#[test]
fn each_slice_names_its_image() {
    let series = only("duplicate");
    assert!(series.study_uid().starts_with("2.25.") && series.study_uid() != series.uid());
    assert!(series.frame_of_reference_uid().starts_with("2.25."));
    assert_eq!(series.sop_class_uid(), "1.2.840.10008.5.1.4.1.1.2");
    let refs: Vec<_> = series.image_refs().collect();
    // Five files, four positions.
    assert_eq!((series.files().len(), refs.len(), series.size()[0]), (5, 4, 4));
    for (k, image) in refs.iter().enumerate() {
        assert!(image.path.ends_with(format!("b{k}.dcm")), "{image:?}");
        assert_eq!((image.sop_class_uid, image.frame), (series.sop_class_uid(), None));
        assert!(image.sop_instance_uid.starts_with("2.25."));
        assert!(refs.iter().filter(|other| other.sop_instance_uid == image.sop_instance_uid).count() == 1);
    }
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
