//! Resuming: alone in its process, as the generator of the dropout belongs to all of a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "suite/bands.rs"]
mod bands;
#[path = "suite/common.rs"]
mod common;
#[path = "suite/small.rs"]
mod small;

use medground::Error;
use medground::training::{Augmentation, Trainer, TrainingConfig};

use bands::{config, device, losses, parameters, samples};
use small::{generalised, grounder, transvg};

#[test]
fn a_run_goes_on_where_it_was_left() {
    for model in [generalised(), transvg()] {
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
        let other = TrainingConfig { seed: 9, ..config };
        assert!(matches!(Trainer::resume(folder.path(), other, &device()), Err(Error::Checkpoint { .. })));
    }
}
