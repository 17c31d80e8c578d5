//! SUV of PET series as the three large makers write them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod dicom_support;

use dicom_support::fixture;
use medio::Error;
use medio::dicom::{self, LoadOptions, SuvKind};

fn load(case: &str, options: &LoadOptions) -> medio::Result<medcore::Volume<f32>> {
    let study = dicom::scan(fixture("dicom_pet").join(case)).unwrap();
    assert_eq!(study.len(), 1);
    study[0].load_with(options).map(|(volume, _)| volume)
}

#[test]
fn the_first_pixels_of_each_slice() {
    let text = std::fs::read_to_string(fixture("dicom_pet/expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = expected.as_object().unwrap();
    assert_eq!(cases.len(), 5);
    for (case, kinds) in cases {
        for (name, kind) in [("body", SuvKind::BodyWeight), ("lean", SuvKind::LeanBodyMassJames)] {
            let volume = load(case, &LoadOptions::new().suv(kind)).unwrap();
            for (k, value) in kinds[name].as_array().unwrap().iter().enumerate() {
                let (expected, found) = (value.as_f64().unwrap(), f64::from(volume.voxels()[[k, 0, 0]]));
                assert!(
                    (found / expected - 1.0).abs() < 1e-6,
                    "{case} {name} {k}: expected {expected}, found {found}"
                );
            }
        }
    }
}

#[test]
fn without_being_asked_for_values_stay_as_they_are() {
    let volume = load("start_of_series", &LoadOptions::new()).unwrap();
    assert_eq!(volume.voxels()[[1, 0, 0]], 1010.0 * 3.125);
}

#[test]
fn a_missing_weight_is_an_error_that_names_it() {
    let options = LoadOptions::new().suv(SuvKind::BodyWeight);
    let error = load("no_weight", &options).unwrap_err();
    assert!(matches!(error, Error::MissingAttribute { attribute: "PatientWeight", .. }), "{error}");
    // A CT has no activity at all.
    let ct = dicom::scan(fixture("dicom/explicit_le")).unwrap();
    let error = ct[0].load_with(&options).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[test]
fn any_attribute_by_its_tag() {
    let study = dicom::scan(fixture("dicom_pet/start_of_series")).unwrap();
    let attributes = study[0].attributes(2).unwrap();
    assert_eq!(attributes.text(dicom::Tag(0x0054, 0x1001)).as_deref(), Some("BQML"));
    assert_eq!(attributes.numbers(dicom::Tag(0x0028, 0x0030)), [4.0, 4.0]);
    assert_eq!(attributes.number(dicom::Tag(0x0028, 0x0011)), Some(3.0));
    assert_eq!(attributes.number(dicom::Tag(0x0018, 0x1242)), Some(120_000.0));
    assert_eq!(attributes.text(dicom::Tag(0x0018, 0x0081)), None);
    assert!(matches!(study[0].attributes(3), Err(Error::Invalid { .. })));
}
