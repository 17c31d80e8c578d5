//! Learning and resuming, one at a time in a process of their own: the generator of the dropout belongs to all of a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "suite/bands.rs"]
mod bands;
#[path = "suite/common.rs"]
mod common;
#[path = "suite/small.rs"]
mod small;

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use medeval::statistics::Bootstrap;
use medground::Error;
use medground::data::GroundingSample;
use medground::training::{Augmentation, FeatureCacheOptions, Trainer, TrainingConfig, TrainingStep};
use mednn::weights::Precision;

use bands::{config, device, load, losses, parameters, samples};
use small::{generalised, grounder, mdetr, transvg};

static GENERATOR: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_run_goes_on_where_it_was_left() {
    let _alone = alone();
    for model in [generalised(), transvg(), mdetr()] {
        let config = TrainingConfig { epochs: 2, augmentation: Augmentation::default(), ..config() };
        let samples = samples();
        let mut whole = Trainer::new(grounder(model.clone(), &device()), config.clone()).unwrap();
        let expected = losses(&mut whole, &samples, usize::MAX);
        assert_eq!(expected.len(), 8);
        let mut first = Trainer::new(grounder(model, &device()), config.clone()).unwrap();
        let mut found = losses(&mut first, &samples, 3);
        let folder = tempfile::tempdir().unwrap();
        first.save(folder.path()).unwrap();
        let mut second = Trainer::resume(folder.path(), config.clone(), &device()).unwrap();
        assert_eq!(second.steps(), 3);
        found.extend(losses(&mut second, &samples, usize::MAX));
        assert_eq!(found, expected);
        assert_eq!(parameters(second.grounder()), parameters(whole.grounder()));
        std::fs::write(folder.path().join("optimizer.safetensors"), b"cut off").unwrap();
        let broken = Trainer::resume(folder.path(), config.clone(), &device());
        assert!(matches!(broken, Err(Error::Network(mednn::Error::WeightFormat { .. }))));
        let other = TrainingConfig { seed: 9, ..config };
        assert!(matches!(Trainer::resume(folder.path(), other, &device()), Err(Error::Checkpoint { .. })));
    }
}

#[test]
fn left_and_right_are_learnt() {
    let _alone = alone();
    let config = TrainingConfig { epochs: 40, drop_epoch: 35, ..config() };
    let samples = samples();
    let untrained = grounder(transvg(), &device());
    let mut trainer = Trainer::new(untrained.clone(), config).unwrap();
    let losses = losses(&mut trainer, &samples, usize::MAX);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..8]), mean(&losses[losses.len() - 8..]));
    assert!(last < 0.6 * first, "{first} to {last}");
    let samples_of =
        |g: &medground::PhraseGrounder| medground::evaluate(g, &samples, load, Bootstrap::default()).unwrap();
    let scores = samples_of(trainer.grounder());
    let (iou, before) = (scores.mean_iou.unwrap(), samples_of(&untrained).mean_iou.unwrap());
    assert!(
        iou.low > before.high && iou.low <= iou.estimate && scores.single_box == 16,
        "{iou:?} {before:?}"
    );
    // Each phrase finds its own side.
    let image = trainer.grounder().prepare(&load(&samples[6]).unwrap()).unwrap();
    let centre = |phrase: &str| {
        let [x0, _, x1, _] =
            trainer.grounder().ground_prepared(&image, phrase).unwrap()[0].region.bounds().xyxy();
        (x0 + x1) / 2.0
    };
    assert!(centre("the left") > centre("the right") + 6.0, "{} {}", centre("the left"), centre("the right"));
}

/// With boxes, and with phrases that stand for nothing.
#[test]
fn models_that_score_learn_too() {
    let _alone = alone();
    for model in [mdetr(), generalised()] {
        let mut samples = samples();
        samples[3].boxes.clear();
        let config = TrainingConfig { fusion_rate: 1e-3, epochs: 15, ..config() };
        let mut trainer = Trainer::new(grounder(model, &device()), config).unwrap();
        let losses = losses(&mut trainer, &samples, usize::MAX);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let (first, last) = (mean(&losses[..4]), mean(&losses[losses.len() - 4..]));
        assert!(last < 0.85 * first, "{first} to {last}");
    }
}

/// Losses of a run with frozen encoders, how often an image was loaded, and the bytes that were kept.
fn frozen_run(
    model: medground::model::GroundingConfig,
    config: &TrainingConfig,
    options: FeatureCacheOptions,
) -> (Vec<f64>, usize, usize) {
    let (mut losses, mut loads) = (Vec::new(), 0);
    let trainer = Trainer::new(grounder(model, &device()), config.clone()).unwrap();
    let mut trainer = trainer.with_feature_cache(options);
    let counted = |sample: &GroundingSample| {
        loads += 1;
        load(sample)
    };
    let observe = |step: TrainingStep| {
        losses.push(step.loss);
        ControlFlow::Continue(())
    };
    trainer.train(&samples(), counted, observe).unwrap();
    (losses, loads, trainer.kept_bytes())
}

#[test]
fn features_that_are_kept_change_nothing() {
    let _alone = alone();
    let whole = TrainingConfig { freeze_vision: true, freeze_text: true, epochs: 3, ..config() };
    let views = TrainingConfig { fixed_views: 2, augmentation: Augmentation::default(), ..whole.clone() };
    // 8 images of two samples each; 16 samples in two views each.
    for (config, images, models) in
        [(whole, 8, vec![transvg(), generalised(), mdetr()]), (views, 32, vec![transvg()])]
    {
        for model in models {
            let (expected, loads, bytes) = frozen_run(model.clone(), &config, FeatureCacheOptions::off());
            assert_eq!((loads, bytes), (48, 0));
            let map = 12 * 4 * 4 * 4;
            let half = FeatureCacheOptions { precision: Precision::F16, ..FeatureCacheOptions::default() };
            // Room for three images and no more.
            let few = FeatureCacheOptions { max_bytes: 4 * map - 1, ..FeatureCacheOptions::default() };
            for (options, tolerance) in [(FeatureCacheOptions::default(), 1e-3), (few, 1e-3), (half, 2e-2)] {
                let (found, loads, bytes) = frozen_run(model.clone(), &config, options);
                assert!(bytes <= options.max_bytes);
                if options == few {
                    assert!(loads > images && bytes > 2 * map, "{loads} {bytes}");
                } else {
                    assert_eq!(loads, images);
                    assert!(bytes >= images * map / if options == half { 2 } else { 1 });
                }
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found / expected - 1.0).abs() < tolerance, "{found} {expected} {options:?}");
                }
            }
        }
    }
}

#[test]
fn a_trainer_evaluates_without_dropout() {
    let _alone = alone();
    let config = TrainingConfig { freeze_vision: true, freeze_text: true, epochs: 2, ..config() };
    let mut trainer = Trainer::new(grounder(transvg(), &device()), config).unwrap();
    losses(&mut trainer, &samples(), usize::MAX);
    let kept = trainer.evaluate(&samples(), load, Bootstrap::default()).unwrap();
    let plain = medground::evaluate(trainer.grounder(), &samples(), load, Bootstrap::default()).unwrap();
    for (kept, plain) in kept.samples.iter().zip(&plain.samples) {
        assert!((kept.iou.unwrap() - plain.iou.unwrap()).abs() < 1e-4, "{kept:?} {plain:?}");
        assert_eq!(kept.hits.len(), 1);
    }
    // As a model that was saved and loaded says.
    let folder = tempfile::tempdir().unwrap();
    trainer.grounder().save_pretrained(folder.path(), Precision::F32).unwrap();
    let loaded =
        medground::PhraseGrounder::from_pretrained(folder.path(), &burn::tensor::Device::flex()).unwrap();
    let loaded = medground::evaluate(&loaded, &samples(), load, Bootstrap::default()).unwrap();
    for (loaded, plain) in loaded.samples.iter().zip(&plain.samples) {
        assert!((loaded.iou.unwrap() - plain.iou.unwrap()).abs() < 1e-5);
    }
}

#[test]
fn long_phrases_are_cut_off_as_in_training() {
    let _alone = alone();
    let grounder = grounder(transvg(), &burn::tensor::Device::flex());
    let mut samples = samples();
    samples.truncate(2);
    samples[1].phrase = "the left ".repeat(40);
    let scores = medground::evaluate(&grounder, &samples, load, Bootstrap::default()).unwrap();
    assert_eq!((scores.cut_phrases, scores.samples.len()), (1, 2));
    assert!(scores.samples[1].iou.is_some());
}
