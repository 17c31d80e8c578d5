//! Images, reports and volumes through small random models: what is kept, where it is, and what is refused.

use burn::tensor::Device;
use medcore::{Affine3, Geometry, Image, Point3, Spacing, Volume};
use medground::model::GroundingConfig;
use medground::vision::ImagePreprocessor;
use medground::{Error, GroundOptions, PhraseGrounder, VolumeOptions};
use mednn::text::{TextConfig, Tokenizer};
use mednn::weights::Precision;
use ndarray::{Array2, Array3};

use crate::common::fixture;
use crate::models::{mdetr_config, transvg_config};
use crate::small::{generalised, grounder, mdetr, transvg};

fn xray(height: usize, width: usize) -> Image<f32> {
    let pixels = Array2::from_shape_fn([height, width], |(r, c)| ((r * 7 + c * 3) % 50) as f32 + c as f32);
    Image::grey(pixels).unwrap()
}

fn all() -> GroundOptions {
    GroundOptions { least_score: 0.0, fusion_iou: 1.0 }
}

#[test]
fn zero_one_or_many_boxes() {
    let device = Device::flex();
    let image = xray(60, 90);
    let one = grounder(transvg(), &device).ground(&image, "left lung").unwrap();
    assert_eq!((one.len(), one[0].score), (1, 1.0));
    let many = grounder(generalised(), &device).with_options(all()).unwrap();
    let hits = many.ground(&image, "left lung").unwrap();
    assert!(hits.len() > 1 && hits.windows(2).all(|w| w[0].score >= w[1].score));
    for hit in &hits {
        let [x0, y0, x1, y1] = hit.region.bounds().xyxy();
        assert!(x0 >= 0.0 && y0 >= 0.0 && x1 <= 90.0 && y1 <= 60.0 && (0.0..=1.0).contains(&hit.score));
    }
    let prepared = many.prepare(&image).unwrap();
    let best = many.best_scores(&prepared, &["left lung", "heart"]).unwrap();
    assert!(best.len() == 2 && (best[0] - hits[0].score).abs() < 1e-5, "{best:?}");
    assert_eq!(many.options(), all());
    let strict = GroundOptions { least_score: 1.0, ..all() };
    assert!(many.with_options(strict).unwrap().ground(&image, "left lung").unwrap().is_empty());
    let bad = GroundOptions { least_score: f64::NAN, ..all() };
    assert!(grounder(generalised(), &device).with_options(bad).is_err());
}

#[test]
fn features_are_used_again() {
    let device = Device::flex();
    for config in [generalised(), transvg(), mdetr()] {
        let grounder = grounder(config, &device).with_options(all()).unwrap();
        let image = xray(64, 64);
        let prepared = grounder.prepare(&image).unwrap();
        let phrases = ["left lung", "right lung is clear", "heart"];
        let batch = grounder.ground_all(&prepared, &phrases).unwrap();
        for (phrase, together) in phrases.iter().zip(batch) {
            let alone = grounder.ground(&image, phrase).unwrap();
            assert_eq!(alone.len(), together.len());
            for (a, b) in alone.iter().zip(&together) {
                let (x, y) = (a.region.bounds().xyxy(), b.region.bounds().xyxy());
                assert!(x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-3), "{phrase}");
            }
        }
    }
}

#[test]
fn boxes_know_where_they_are_in_the_patient() {
    let device = Device::flex();
    let grounder = grounder(transvg(), &device);
    let plain = grounder.ground(&xray(40, 60), "heart").unwrap()[0].region;
    assert!(plain.to_lps().is_none());
    // A coronal image: columns to the patient's left, rows to the feet.
    let affine = Affine3::new([[0.5, 0.0, 0.0], [0.0, 0.0, 9.0], [0.0, -0.8, 0.0]], [-15.0, 7.0, 20.0]);
    let image = xray(40, 60).with_geometry(Geometry::new([1, 40, 60], affine).unwrap()).unwrap();
    let region = grounder.ground(&image, "heart").unwrap()[0].region;
    assert_eq!(region.bounds(), plain.bounds());
    let [x0, y0, x1, y1] = region.bounds().xyxy();
    let lps = region.to_lps().unwrap();
    let expected_min = [-15.0 + 0.5 * (x0 - 0.5), 7.0 - 4.5, 20.0 - 0.8 * (y1 - 0.5)];
    let expected_max = [-15.0 + 0.5 * (x1 - 0.5), 7.0 + 4.5, 20.0 - 0.8 * (y0 - 0.5)];
    for (found, expected) in [(lps.min(), expected_min), (lps.max(), expected_max)] {
        assert!(found.coords().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}

#[test]
fn a_folder_gives_the_same_grounder() {
    let device = Device::flex();
    for config in [generalised(), transvg(), mdetr()] {
        let folder = tempfile::tempdir().unwrap();
        let first = grounder(config, &device).with_options(all()).unwrap();
        first.save_pretrained(folder.path(), Precision::F32).unwrap();
        let again = PhraseGrounder::from_pretrained(folder.path(), &device).unwrap();
        assert_eq!(again.config(), first.config());
        assert_eq!(again.preprocessor(), first.preprocessor());
        let again = again.with_options(all()).unwrap();
        let image = xray(50, 64);
        assert_eq!(again.ground(&image, "heart").unwrap(), first.ground(&image, "heart").unwrap());
    }
}

#[test]
fn configurations_are_written_and_read_again() {
    let configs = [
        generalised(),
        transvg(),
        GroundingConfig::TransVg(transvg_config()),
        GroundingConfig::Mdetr(mdetr_config()),
    ];
    for config in configs {
        let json = config.to_json().unwrap();
        assert_eq!(GroundingConfig::from_json(&json).unwrap(), config, "{json}");
        let other = json.replace("\"model_type\": \"transvg\"", "\"model_type\": \"detr\"");
        if other != json {
            assert!(matches!(
                GroundingConfig::from_json(&other),
                Err(Error::Config { field: "model_type", .. })
            ));
        }
    }
    let json = generalised().to_json().unwrap().replace("\"queries\": 5,", "");
    let error = GroundingConfig::from_json(&json.replace(",\n  \"queries\": 5", "")).unwrap_err();
    assert!(matches!(error, Error::Config { field: "queries", .. }), "{error}");
    assert!(matches!(GroundingConfig::from_json("{"), Err(Error::Syntax { .. })));
}

#[test]
fn a_report_is_grounded_sentence_by_sentence() {
    let device = Device::flex();
    let grounder = grounder(transvg(), &device);
    let image = grounder.prepare(&xray(64, 64)).unwrap();
    let long = "very ".repeat(60) + "large effusion.";
    let report = format!("Heart is normal. {long} Left lung clear.");
    let found = grounder.ground_report(&image, &report);
    assert_eq!(found.len(), 3);
    for sentence in &found {
        assert_eq!(&report[sentence.span.clone()], sentence.text);
    }
    assert_eq!(found[0].hits.as_ref().unwrap().len(), 1);
    assert!(matches!(found[1].hits, Err(Error::PhraseTooLong { limit: 24, .. })));
    assert_eq!(found[2].text, "Left lung clear.");
    assert!(grounder.ground_report(&image, "").is_empty());
}

#[test]
fn phrases_and_images_that_cannot_be_are_refused() {
    let device = Device::flex();
    let grounder = grounder(generalised(), &device);
    let image = xray(64, 64);
    for empty in ["", "  \n"] {
        let error = grounder.ground(&image, empty).unwrap_err();
        assert!(matches!(error, Error::Network(mednn::Error::EmptyPhrase)), "{error}");
    }
    let words = "opacity ".repeat(10_000);
    assert!(
        matches!(grounder.ground(&image, &words), Err(Error::PhraseTooLong { tokens, limit: 24 }) if tokens > 10_000)
    );
    let book = "opacity ".repeat(100_000);
    assert!(matches!(
        grounder.ground(&image, &book),
        Err(Error::Network(mednn::Error::PhraseTooLong { .. }))
    ));
    let prepared = grounder.prepare(&image).unwrap();
    assert!(matches!(grounder.ground_all(&prepared, &[]), Err(Error::Batch { .. })));

    let photo = Image::new(Array3::from_shape_fn([3, 64, 64], |(k, r, c)| (k * r + c) as f32)).unwrap();
    assert!(matches!(grounder.ground(&photo, "heart"), Err(Error::Colour { .. })));
    let mut holes = image.clone();
    holes.pixels_mut()[[0, 3, 3]] = f32::NAN;
    assert!(matches!(grounder.ground(&holes, "heart"), Err(Error::NotFinite { count: 1, .. })));
    assert!(matches!(grounder.ground(&xray(2, 900), "heart"), Err(Error::TooThin { .. })));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let device = Device::flex();
    let tokenizer = || Tokenizer::from_pretrained(fixture("text/bert")).unwrap();
    let preprocessor = || ImagePreprocessor::radiograph(32);
    let GroundingConfig::Generalised(mut config) = generalised() else { panic!() };
    let TextConfig::Bert(bert) = config.transformer.text.clone() else { panic!() };
    config.transformer.text = TextConfig::Bert(bert.clone().with_vocab_size(10));
    let config = GroundingConfig::Generalised(config);
    let error =
        PhraseGrounder::new(config.clone(), config.init(&device), tokenizer(), preprocessor(), &device);
    assert!(matches!(error.unwrap_err(), Error::Network(mednn::Error::Vocabulary { rows: 10, .. })));

    let config = generalised();
    let other = ImagePreprocessor::radiograph(64);
    let error = PhraseGrounder::new(config.clone(), config.init(&device), tokenizer(), other, &device);
    assert!(matches!(error.unwrap_err(), Error::Config { field: "size", .. }));
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(PhraseGrounder::from_pretrained(folder.path(), &device), Err(Error::Io { .. })));
    // Weights cut off.
    grounder(config, &device).save_pretrained(folder.path(), Precision::F16).unwrap();
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = PhraseGrounder::from_pretrained(folder.path(), &device).unwrap_err();
    assert!(matches!(error, Error::Network(mednn::Error::WeightFormat { .. })), "{error}");
}

#[test]
fn a_phrase_in_a_volume() {
    let device = Device::flex();
    let grounder = grounder(generalised(), &device).with_options(all()).unwrap();
    let geometry =
        Geometry::axial([5, 40, 48], Spacing::new(0.5, 0.5, 3.0), Point3::new(0.0, 0.0, 100.0)).unwrap();
    let voxels =
        Array3::from_shape_fn([5, 40, 48], |(k, r, c)| ((k * 5 + r * 7 + c * 3) % 50) as f32 + c as f32);
    let volume = Volume::new(voxels, geometry).unwrap();
    let options = VolumeOptions { slice_batch: 2, ..VolumeOptions::default() };
    let prepared = grounder.prepare_volume(&volume, &options).unwrap();
    let hits = grounder.ground_volume(&prepared, "heart", &options).unwrap();
    assert!(!hits.is_empty());
    for hit in &hits {
        assert!(hit.slices.len() >= 2 && hit.slices.end <= 5);
        let (lps, bounds) = (hit.to_lps(), geometry.bounds());
        assert!(bounds.contains(lps.min()) && bounds.contains(lps.max()));
        assert_eq!(lps.min().z, 100.0 + 3.0 * (hit.slices.start as f64 - 0.5));
    }
    // The batch does not show.
    let whole = VolumeOptions { slice_batch: 64, ..options };
    let again = grounder.prepare_volume(&volume, &whole).unwrap();
    let again = grounder.ground_volume(&again, "heart", &whole).unwrap();
    assert_eq!(again.len(), hits.len());
    assert!((again[0].score - hits[0].score).abs() < 1e-5);

    // Nor does it matter whether features are kept, for which radius, or in 16 bits but for rounding.
    for (slice_batch, fusion_radius) in [(1, 0), (1, 2), (2, 1), (3, 2), (1, 9), (64, 1)] {
        let options = VolumeOptions { slice_batch, fusion_radius, ..VolumeOptions::default() };
        let whole = VolumeOptions { slice_batch: 64, ..options };
        let prepared = grounder.prepare_volume(&volume, &whole).unwrap();
        let found = grounder.ground_in_volume(&volume, &["heart", "lung"], &options).unwrap();
        let half = VolumeOptions { precision: Precision::F16, ..options };
        let small = grounder.prepare_volume(&volume, &half).unwrap();
        assert_eq!((prepared.bytes(), small.bytes()), (5 * 16 * 16 * 4, 5 * 16 * 16 * 2));
        for (phrase, found) in ["heart", "lung"].iter().zip(&found) {
            let expected = grounder.ground_volume(&prepared, phrase, &whole).unwrap();
            let rounded = grounder.ground_volume(&small, phrase, &half).unwrap();
            assert_eq!((found.len(), rounded.len()), (expected.len(), expected.len()));
            for ((found, rounded), expected) in found.iter().zip(&rounded).zip(&expected) {
                assert!((found.score - expected.score).abs() < 1e-5, "{slice_batch} {fusion_radius}");
                assert!((rounded.score - expected.score).abs() < 1e-2);
                assert_eq!(found.slices, expected.slices);
            }
        }
    }

    let mut holes = volume.clone();
    holes.voxels_mut()[[1, 1, 1]] = f32::INFINITY;
    assert!(matches!(grounder.prepare_volume(&holes, &options), Err(Error::NotFinite { .. })));
    let one = crate::small::grounder(transvg(), &device);
    assert!(matches!(one.prepare_volume(&volume, &options), Err(Error::Config { field: "model_type", .. })));
}
