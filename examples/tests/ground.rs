//! `ground` on the radiograph and the weights of fixtures, and on input that is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use medburn_examples::ground::{
    GroundedPhrase, PHRASES, Plane, Radiograph, RadiographOptions, ground_phrases, ground_report, overlay,
    table, with_threshold, write_json, write_report,
};
use medburn_examples::picture::Canvas;
use medburn_examples::{Error, fixtures};
use medcore::PixelBox;
use medground::PhraseGrounder;
use medio::dicom::sr;
use mednn::Backend;

/// Drawn by hand on `xray_chest/chest.dcm`: left, top, right, bottom in pixels.
const RIGHT_LUNG: [f64; 4] = [46.0, 40.0, 264.0, 512.0];
const LEFT_LUNG: [f64; 4] = [336.0, 42.0, 548.0, 536.0];

fn grounder() -> PhraseGrounder {
    let device = Backend::Flex.open().unwrap();
    let grounder = PhraseGrounder::from_pretrained(fixtures::grounder(), device.device()).unwrap();
    with_threshold(grounder, 0.5).unwrap()
}

fn chest() -> Radiograph {
    Radiograph::read(&fixtures::chest_xray(), RadiographOptions::default()).unwrap()
}

/// The radiograph with the value of an attribute of the same length, found by its tag and VR.
fn changed(folder: &Path, tag: [u8; 4], old: &[u8], new: &[u8]) -> PathBuf {
    let mut bytes = std::fs::read(fixtures::chest_xray()).unwrap();
    let element = [&tag[..], b"CS", &(old.len() as u16).to_le_bytes(), old].concat();
    let at = bytes.windows(element.len()).position(|part| part == element).unwrap();
    bytes[at + 8..at + 8 + new.len()].copy_from_slice(new);
    let path = folder.join("changed.dcm");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn iou(hit: &medground::Hit, [x0, y0, x1, y1]: [f64; 4]) -> f64 {
    hit.region.bounds().iou(&PixelBox::new(x0, y0, x1, y1).unwrap())
}

fn of<'a>(grounded: &'a [GroundedPhrase], phrase: &str) -> &'a GroundedPhrase {
    grounded.iter().find(|one| one.phrase == phrase).unwrap()
}

#[test]
fn what_is_there_is_found_and_what_is_not_is_refused() {
    let radiograph = chest();
    let grounded = ground_phrases(&grounder(), &radiograph, &PHRASES).unwrap();
    let right = &of(&grounded, "right lung").hits;
    let left = &of(&grounded, "the patient's left lung").hits;
    assert!(right.len() == 1 && iou(&right[0], RIGHT_LUNG) > 0.5, "{right:?}");
    assert!(left.len() == 1 && iou(&left[0], LEFT_LUNG) > 0.5, "{left:?}");
    let both = &of(&grounded, "both lungs").hits;
    assert_eq!(both.len(), 2);
    for truth in [RIGHT_LUNG, LEFT_LUNG] {
        assert!(both.iter().any(|hit| iou(hit, truth) > 0.5), "{both:?}");
    }
    for phrase in ["left hip prosthesis", "fractured femur", "cat"] {
        let one = of(&grounded, phrase);
        assert!(one.is_refused() && one.best_score < 0.5, "{phrase}: {}", one.best_score);
    }
    // 0.6 mm at the detector.
    let [_, _, width, _] = right[0].region.millimetres().unwrap();
    assert!((width - 0.6 * right[0].region.bounds().width()).abs() < 1e-9);
    let text = table(&grounded);
    assert!(text.contains("cat") && text.contains("not found"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("findings.json");
    write_json(&path, &radiograph, &grounded, 0.5).unwrap();
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(json["phrases"].as_array().unwrap().len(), PHRASES.len());
    let score = json["phrases"][0]["boxes"][0]["score"].as_f64().unwrap();
    assert!((score - right[0].score).abs() < 1e-12);
    let picture = overlay(&radiograph, &grounded).unwrap();
    assert!(picture.width() > 600 && picture.height() > picture.width());
}

#[test]
fn a_grounder_in_8_bits_finds_the_same() {
    let radiograph = chest();
    let (int8, report) = grounder().into_int8(|path| !path.contains("head"));
    assert!(!report.rounded.is_empty() && !report.rounded.iter().any(|path| path.contains("head")));
    let plain = ground_phrases(&grounder(), &radiograph, &PHRASES).unwrap();
    let found = ground_phrases(&int8, &radiograph, &PHRASES).unwrap();
    assert_ne!(plain[0].hits[0].score, found[0].hits[0].score);
    for (plain, found) in plain.iter().zip(&found) {
        assert_eq!(plain.hits.len(), found.hits.len(), "{}", plain.phrase);
        for (plain, found) in plain.hits.iter().zip(&found.hits) {
            let iou = plain.region.bounds().iou(&found.region.bounds());
            assert!(iou > 0.9, "{iou}");
        }
    }
}

#[test]
fn the_report_refers_to_the_image() {
    let radiograph = chest();
    let grounded = ground_phrases(&grounder(), &radiograph, &["right lung", "cat", "both lungs"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.dcm");
    assert!(write_report(&path, &radiograph, &grounded).unwrap());
    let report = sr::read(&path).unwrap();
    let (series, _) = radiograph.source.as_ref().unwrap();
    assert_eq!(report.study_uid, series.study_uid());
    let hits: Vec<_> = grounded.iter().flat_map(|one| &one.hits).collect();
    assert_eq!(report.findings.len(), hits.len());
    for (finding, hit) in report.findings.iter().zip(hits) {
        let sr::Region::Rectangle { sop_instance_uid, frame: None, pixels } = &finding.region else {
            panic!("{:?}", finding.region)
        };
        assert_eq!(sop_instance_uid, series.image_refs().next().unwrap().sop_instance_uid);
        let expected = hit.region.bounds().xyxy();
        assert!(pixels.xyxy().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3));
        assert!((finding.score.unwrap() - hit.score).abs() < 1e-9);
        assert_eq!(finding.site.as_ref().unwrap().code.meaning, "Lung");
    }
    let side = report.findings[0].site.as_ref().unwrap().laterality.as_ref().unwrap();
    assert_eq!((report.findings[0].tracking_id.as_str(), side.meaning.as_str()), ("right lung", "Right"));
}

#[test]
fn sentences_of_a_report() {
    let report =
        "The right lung is clear.\nNo fracture of the left femur. The heart is enlarged; left lung is clear.";
    let long = format!("{report} {}.", "opacity ".repeat(300));
    let grounded = ground_report(&grounder(), &chest(), &long).unwrap();
    assert_eq!((grounded.len(), grounded[0].phrase.as_str()), (5, "The right lung is clear."));
    assert!(!grounded[0].is_refused() && iou(&grounded[0].hits[0], RIGHT_LUNG) > 0.5);
    assert!(grounded[1].is_refused());
    assert!(matches!(grounded[4].unasked, Some(medground::Error::PhraseTooLong { .. })));
    assert!(matches!(
        ground_report(&grounder(), &chest(), " \n"),
        Err(Error::Unfit { what: "the report", .. })
    ));
}

/// The same pixels in a file that says that columns run to the patient's right.
#[test]
fn left_and_right_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = changed(folder.path(), [0x20, 0x00, 0x20, 0x00], b"L\\F ", b"R\\F ");
    let radiograph = Radiograph::read(&path, RadiographOptions::default()).unwrap();
    assert!(radiograph.mirrored && radiograph.sides.unwrap().left == 'L');
    let grounded = ground_phrases(&grounder(), &radiograph, &["right lung"]).unwrap();
    let hit = grounded[0].hits.first().unwrap();
    assert!(iou(hit, LEFT_LUNG) > 0.5 && iou(hit, RIGHT_LUNG) < 0.05, "{hit:?}");
}

#[test]
fn a_lateral_view_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = changed(folder.path(), [0x18, 0x00, 0x01, 0x51], b"PA", b"LL");
    let error = Radiograph::read(&path, RadiographOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::Unfit { what: "the view", found, .. } if found == "LL"), "{error}");
    let options = RadiographOptions { any_view: true, ..RadiographOptions::default() };
    let radiograph = Radiograph::read(&path, options).unwrap();
    assert!(radiograph.notes.iter().any(|note| note.starts_with("view LL")));
}

#[test]
fn phrases_that_cannot_be_asked() {
    let (grounder, radiograph) = (grounder(), chest());
    let ask = |phrase: &str| ground_phrases(&grounder, &radiograph, &[phrase]).unwrap_err();
    for empty in ["", " \t\n"] {
        let error = ask(empty);
        assert!(
            matches!(error, Error::Grounding(medground::Error::Network(mednn::Error::EmptyPhrase))),
            "{error}"
        );
    }
    let words = "lung ".repeat(10_000);
    let error = ask(&words);
    assert!(
        matches!(error, Error::Grounding(medground::Error::PhraseTooLong { tokens: 10_002, limit: 48 })),
        "{error}"
    );
}

#[test]
fn a_colour_photo_is_refused_and_grey_in_colour_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let mut canvas = Canvas::new(64, 64, [0; 3]).unwrap();
    canvas.fill_rect(10, 10, 20, 40, [90; 3]);
    canvas.write_png(&path).unwrap();
    let read = || Radiograph::read(&path, RadiographOptions::default()).unwrap();
    ground_phrases(&grounder(), &read(), &["heart"]).unwrap();
    canvas.fill_rect(40, 10, 10, 10, [200, 80, 10]);
    canvas.write_png(&path).unwrap();
    let error = ground_phrases(&grounder(), &read(), &["heart"]).unwrap_err();
    assert!(matches!(error, Error::Grounding(medground::Error::Colour { differing: 100, .. })), "{error}");
}

#[test]
fn a_slice_of_a_volume() {
    let options = RadiographOptions { plane: Plane::Coronal, ..RadiographOptions::default() };
    let path = fixtures::chest_ct().join("../ct_chest.nii.gz");
    let radiograph = Radiograph::read(&path, options).unwrap();
    assert_eq!((radiograph.image.height(), radiograph.image.width()), (61, 256));
    assert!(radiograph.image.geometry().is_some() && radiograph.source.is_none());
    let grounded = ground_phrases(&grounder(), &radiograph, &["cat"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert!(!write_report(&folder.path().join("report.dcm"), &radiograph, &grounded).unwrap());
    let beyond = RadiographOptions { frame: Some(256), ..options };
    assert!(matches!(Radiograph::read(&path, beyond), Err(Error::Unfit { .. })));
    let series = Radiograph::read(&fixtures::chest_ct(), RadiographOptions::default());
    assert!(matches!(series, Err(Error::Unfit { what: "images", .. })));
}

#[test]
fn a_vocabulary_that_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors", "image_preprocessor.json", "tokenizer.json"] {
        std::fs::copy(fixtures::grounder().join(file), folder.path().join(file)).unwrap();
    }
    let path = folder.path().join("tokenizer.json");
    let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    json["model"]["vocab"]["platypus"] = 5000.into();
    std::fs::write(&path, json.to_string()).unwrap();
    let device = Backend::Flex.open().unwrap();
    let error = PhraseGrounder::from_pretrained(folder.path(), device.device()).unwrap_err();
    assert!(
        matches!(error, medground::Error::Network(mednn::Error::Vocabulary { largest: 5000, .. })),
        "{error}"
    );
}

#[test]
fn the_program_prints_and_writes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_ground"))
            .args(arguments)
            .args(["--output".as_ref(), folder.path().as_os_str()])
            .output()
            .unwrap()
    };
    let output = run(&[]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("right lung"), "{printed}");
    for file in ["overlay.png", "findings.json", "report.dcm"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    let xray = fixtures::chest_xray();
    let xray = xray.to_str().unwrap();
    for (arguments, expected) in [
        (&[xray, ""][..], "phrase"),
        (&[xray, "heart", "--threshold", "7"], "0 to 1"),
        (&["nothing.dcm"], "nothing.dcm"),
        (&[xray, "heart", "--weights", "nowhere"], "config.json"),
    ] {
        let output = run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.starts_with("error: ") && error.contains(expected) && !error.contains("panicked"),
            "{error}"
        );
    }
}
