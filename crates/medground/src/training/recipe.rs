//! First anatomy, then phrases.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use medcore::Image;

use super::config::TrainingConfig;
use super::trainer::{Trainer, TrainingStep};
use crate::data::{GroundingSample, Split};
use crate::error::{Error, Result};
use crate::phrase_grounder::PhraseGrounder;

/// Stage 1 of anatomical grounding pre-training (AGPT, arXiv 2502.16585): trains on anatomy terms and their boxes, of the training
/// split alone. `held_out` are the samples that later stages will be tested on: none of their validation and test patients may be among
/// those that are learnt from.
///
/// # Errors
/// [`Error::Batch`] when patients are shared, or nothing is left to learn from; as [`Trainer::train`].
pub fn pretrain_on_anatomy(
    grounder: PhraseGrounder,
    anatomy: &[GroundingSample],
    held_out: &[GroundingSample],
    config: TrainingConfig,
    load: impl FnMut(&GroundingSample) -> Result<Image<f32>>,
    observe: impl FnMut(TrainingStep) -> ControlFlow<()>,
) -> Result<PhraseGrounder> {
    let learnt = training_samples(anatomy);
    no_shared_patient(&learnt, held_out)?;
    stage(grounder, &learnt, config, load, observe)
}

/// Stage 2: trains on phrases and their boxes, of the training split alone; from the weights of [`pretrain_on_anatomy`], or without
/// it from any others, to compare.
///
/// # Errors
/// As [`pretrain_on_anatomy`].
pub fn finetune_on_phrases(
    grounder: PhraseGrounder,
    phrases: &[GroundingSample],
    config: TrainingConfig,
    load: impl FnMut(&GroundingSample) -> Result<Image<f32>>,
    observe: impl FnMut(TrainingStep) -> ControlFlow<()>,
) -> Result<PhraseGrounder> {
    let learnt = training_samples(phrases);
    no_shared_patient(&learnt, phrases)?;
    stage(grounder, &learnt, config, load, observe)
}

fn stage(
    grounder: PhraseGrounder,
    samples: &[GroundingSample],
    config: TrainingConfig,
    load: impl FnMut(&GroundingSample) -> Result<Image<f32>>,
    observe: impl FnMut(TrainingStep) -> ControlFlow<()>,
) -> Result<PhraseGrounder> {
    let mut trainer = Trainer::new(grounder, config)?;
    trainer.train(samples, load, observe)?;
    Ok(trainer.grounder().clone())
}

fn training_samples(samples: &[GroundingSample]) -> Vec<GroundingSample> {
    samples.iter().filter(|s| s.split == Some(Split::Train)).cloned().collect()
}

/// Counts, and does not name, patients who are learnt from and tested on.
fn no_shared_patient(learnt: &[GroundingSample], held_out: &[GroundingSample]) -> Result<()> {
    let of = |samples: &mut dyn Iterator<Item = &GroundingSample>| -> BTreeSet<String> {
        samples.filter_map(|s| s.patient.clone()).collect()
    };
    let tested =
        of(&mut held_out.iter().filter(|s| matches!(s.split, Some(Split::Validation | Split::Test))));
    let shared = of(&mut learnt.iter()).intersection(&tested).count();
    if shared == 0 {
        return Ok(());
    }
    Err(Error::Batch {
        what: "patients who are learnt from and tested on",
        expected: "none".to_string(),
        found: shared.to_string(),
    })
}
