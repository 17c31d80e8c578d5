//! Measurement reports, there and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dicom_support;

use std::time::SystemTime;

use dicom_support::{fixture, only};
use medcore::{Box3, Lps, PixelBox, Point3};
use medio::dicom::sr::{self, Finding, Measurement, Region, SrOptions};
use medio::dicom::{Code, NewSeries};
use medio::{Error, Result};

/// Numbers that single precision holds.
fn solid() -> Box3<Lps> {
    Box3::new(Point3::new(-60.5, -200.25, -210.0), Point3::new(-40.0, -180.0, -195.5)).unwrap()
}

fn findings() -> Vec<Finding> {
    let image = only("oblique").image_refs().nth(2).unwrap().sop_instance_uid.to_string();
    let pixels = PixelBox::new(1.5, 0.0, 4.0, 3.25).unwrap();
    vec![
        Finding::new("nodule 1", Region::Box(solid()))
            .tracking_uid("2.25.42")
            .finding(Code::sct("27925004", "Nodule"))
            .site(Code::sct("39607008", "Lung"), Some(Code::sct("24028007", "Right")))
            .score(0.93)
            .measurement(Measurement::length_mm(20.123_456_789_012_345))
            .measurement(Measurement::volume_mm3(1e-9 / 3.0))
            .measurement(Measurement::new(
                Code::new("99-1", "99MEDBURN", "Something"),
                -7.0,
                Code::ucum("[hnsf'U]", "Hounsfield unit"),
            )),
        Finding::new("shadow 2", Region::Rectangle { sop_instance_uid: image, frame: None, pixels })
            .tracking_uid("2.25.43")
            .site(Code::sct("10200004", "Liver"), None),
        Finding::new("third", Region::Box(solid())).tracking_uid("2.25.44").score(0.0),
    ]
}

#[test]
fn findings_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.dcm");
    let source = only("oblique");
    let series = NewSeries::new("Findings").uid_seed("a").time(SystemTime::UNIX_EPOCH);
    let options = SrOptions::new().series(series).observer("detector 1");
    sr::write_measurements(&path, &findings(), &source, &options).unwrap();
    let report = sr::read(&path).unwrap();
    assert_eq!(report.study_uid, source.study_uid());
    assert_eq!(report.frame_of_reference_uid.as_deref(), Some(source.frame_of_reference_uid()));
    assert_eq!(report.other_groups, 0);
    assert_eq!(report.findings.len(), 3);
    for (found, written) in report.findings.iter().zip(findings()) {
        // The score goes through percent.
        assert!(found.score.zip(written.score).is_none_or(|(a, b)| (a - b).abs() < 1e-15));
        assert_eq!(Finding { score: written.score, ..found.clone() }, written);
    }
    let bytes = std::fs::read(&path).unwrap();
    sr::write_measurements(&path, &findings(), &source, &options).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
}

#[test]
fn no_findings_and_new_identities() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.dcm");
    let source = only("oblique");
    sr::write_measurements(&path, &[], &source, &SrOptions::new()).unwrap();
    assert!(sr::read(&path).unwrap().findings.is_empty());
    let two = [Finding::new("a", Region::Box(solid())), Finding::new("b", Region::Box(solid()))];
    sr::write_measurements(&path, &two, &source, &SrOptions::new()).unwrap();
    let found = sr::read(&path).unwrap().findings;
    let uid = |at: usize| found[at].tracking_uid.clone().unwrap();
    assert!(uid(0).starts_with("2.25.") && uid(0) != uid(1));
}

#[test]
fn what_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.dcm");
    let source = only("oblique");
    let write = |finding: Finding| -> Result<()> {
        sr::write_measurements(&path, &[finding], &source, &SrOptions::new())
    };
    let a = || Finding::new("a", Region::Box(solid()));
    for score in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(write(a().score(score)), Err(Error::Invalid { what: "score", .. })));
    }
    let infinite = a().measurement(Measurement::length_mm(f64::INFINITY));
    assert!(matches!(write(infinite), Err(Error::Invalid { .. })));
    let pixels = PixelBox::new(0.0, 0.0, 1.0, 1.0).unwrap();
    let elsewhere = Region::Rectangle { sop_instance_uid: "1.2.3".into(), frame: None, pixels };
    assert!(matches!(write(Finding::new("a", elsewhere)), Err(Error::Invalid { .. })));
    assert!(matches!(write(a().tracking_uid("no uid")), Err(Error::Invalid { what: "UID", .. })));
    assert!(!path.exists());
}

#[test]
fn broken_files_are_errors_or_less() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.dcm");
    sr::write_measurements(&path, &findings(), &only("oblique"), &SrOptions::new()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(29) {
        std::fs::write(&path, &bytes[..at]).unwrap();
        assert!(sr::read(&path).map_or(true, |report| report.findings.is_empty()), "{at}");
        let mut broken = bytes.clone();
        broken[at] ^= 0xFF;
        std::fs::write(&path, &broken).unwrap();
        let _ = sr::read(&path);
    }
    let other = sr::read(fixture("dicom_out/hd_binary.dcm"));
    assert!(matches!(other, Err(Error::Invalid { what: "document title", .. })), "{other:?}");
}
