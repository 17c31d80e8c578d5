//! Learning and resuming, one at a time in a process of their own: the generator of the dropout belongs to all of a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "suite/bands.rs"]
mod bands;
#[path = "suite/common.rs"]
mod common;
#[path = "suite/small.rs"]
mod small;

use std::sync::{Mutex, MutexGuard, PoisonError};

use medeval::statistics::Bootstrap;
use medground::Error;
use medground::training::{Augmentation, Trainer, TrainingConfig};

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
