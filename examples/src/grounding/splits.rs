//! Who is learnt from and who is tested on.

use std::collections::BTreeSet;

use clap::Args;
use medground::data::{GroundingSample, Split, shared_patients, split_by_patient};

use super::annotations::{AnnotationArgs, Annotations};
use super::fnv::Fnv;
use super::images::ImageFolder;
use crate::error::{Error, Result};

/// How samples that have no split get one, by patient.
#[derive(Args, Debug, Clone)]
pub struct SplitArgs {
    /// Share of the patients that is validated on, of those whose split the annotations do not say.
    #[arg(long, default_value_t = 0.1)]
    pub validation: f64,
    /// Share of the patients that is tested on, of those whose split the annotations do not say.
    #[arg(long, default_value_t = 0.2)]
    pub test: f64,
    /// Cross-validation instead, whatever the annotations say: as many parts of the patients of --phrases.
    #[arg(long, requires = "fold", value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub folds: Option<u64>,
    /// The part that is tested on, from 0.
    #[arg(long, requires = "folds")]
    pub fold: Option<u64>,
    /// Seed of the parts.
    #[arg(long, default_value_t = 0)]
    pub split_seed: u64,
}

/// Samples of both stages by what they are for.
#[derive(Debug, Default)]
pub struct Splits {
    /// Stage 1 learns from these.
    pub anatomy_train: Vec<GroundingSample>,
    /// Stage 1 is watched on these.
    pub anatomy_held_out: Vec<GroundingSample>,
    /// Stage 2 learns from these.
    pub train: Vec<GroundingSample>,
    /// Stage 2 is watched on these.
    pub validation: Vec<GroundingSample>,
    /// What is reported.
    pub test: Vec<GroundingSample>,
}

impl Splits {
    /// Reads the annotations and splits them. No patient of validation and test, in either stage, is learnt from in either: samples of
    /// theirs that stage 1 would learn from are left out, and counted on standard output.
    ///
    /// # Errors
    /// [`Error::Unfit`] when a patient is on two sides of the phrases' own split, or a part is empty; as the readers.
    pub fn read(
        annotations: &AnnotationArgs,
        args: &SplitArgs,
        images: &ImageFolder,
        anatomy_images: &ImageFolder,
    ) -> Result<Self> {
        Self::of(annotations.read(images, anatomy_images)?, args)
    }

    fn of(mut annotations: Annotations, args: &SplitArgs) -> Result<Self> {
        if let (Some(folds), Some(fold)) = (args.folds, args.fold) {
            into_folds(&mut annotations, folds, fold, args.split_seed)?;
        }
        for (what, share) in [("--validation", args.validation), ("--test", args.test)] {
            if !(0.0..1.0).contains(&share) {
                let expected = "0 to below 1".to_string();
                return Err(Error::Unfit { what, expected, found: share.to_string() });
            }
        }
        split_by_patient(&mut annotations.phrases, args.validation, args.test, args.split_seed);
        split_by_patient(&mut annotations.anatomy, args.validation, args.test, args.split_seed);
        let of = |samples: &[GroundingSample], split| -> Vec<GroundingSample> {
            samples.iter().filter(|s| s.split == Some(split)).cloned().collect()
        };
        let held_out: BTreeSet<String> = annotations
            .phrases
            .iter()
            .filter(|s| s.split != Some(Split::Train))
            .filter_map(|s| s.patient.clone())
            .collect();
        let before = annotations.anatomy.len();
        annotations.anatomy.retain(|s| {
            s.split != Some(Split::Train) || s.patient.as_ref().is_none_or(|p| !held_out.contains(p))
        });
        let left_out = before - annotations.anatomy.len();
        if left_out > 0 {
            println!("{left_out} anatomy samples left out: their patients are held out in the phrases");
        }
        let learnt: BTreeSet<String> = annotations
            .phrases
            .iter()
            .chain(&annotations.anatomy)
            .filter(|s| s.split == Some(Split::Train))
            .filter_map(|s| s.patient.clone())
            .collect();
        // Whom stage 2 learns from, stage 1 may not be watched on.
        annotations.anatomy.retain(|s| {
            s.split == Some(Split::Train) || s.patient.as_ref().is_none_or(|p| !learnt.contains(p))
        });
        let splits = Self {
            anatomy_train: of(&annotations.anatomy, Split::Train),
            anatomy_held_out: [Split::Validation, Split::Test].map(|s| of(&annotations.anatomy, s)).concat(),
            train: of(&annotations.phrases, Split::Train),
            validation: of(&annotations.phrases, Split::Validation),
            test: of(&annotations.phrases, Split::Test),
        };
        let shared = shared_patients(&[annotations.phrases, annotations.anatomy].concat()).len();
        if shared > 0 {
            let found = format!("{shared} of them");
            return Err(Error::Unfit {
                what: "the splits",
                expected: "no patient on two sides".to_string(),
                found,
            });
        }
        Ok(splits)
    }

    /// What stage 2 is watched on while it learns: validation, or the test split where there is none. It chooses nothing.
    pub fn watched(&self) -> &[GroundingSample] {
        if self.validation.is_empty() { &self.test } else { &self.validation }
    }
}

/// Patients of the phrases in turn, after a shuffle that the seed decides; all others are learnt from.
fn into_folds(annotations: &mut Annotations, folds: u64, fold: u64, seed: u64) -> Result<()> {
    if fold >= folds {
        let expected = format!("0 to {}", folds - 1);
        return Err(Error::Unfit { what: "--fold", expected, found: fold.to_string() });
    }
    let key = |s: &GroundingSample| s.patient.clone().unwrap_or_else(|| s.image.clone());
    let patients: BTreeSet<String> = annotations.phrases.iter().map(key).collect();
    let mut patients: Vec<(u64, String)> =
        patients.into_iter().map(|p| (Fnv::new(seed).with(p.as_bytes()).value(), p)).collect();
    patients.sort();
    let tested: BTreeSet<String> = patients
        .into_iter()
        .enumerate()
        .filter(|(at, _)| *at as u64 % folds == fold)
        .map(|(_, (_, patient))| patient)
        .collect();
    for sample in annotations.phrases.iter_mut().chain(&mut annotations.anatomy) {
        sample.split = Some(if tested.contains(&key(sample)) { Split::Test } else { Split::Train });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(patient: usize, phrase: &str, split: Option<Split>) -> GroundingSample {
        GroundingSample {
            image: format!("{patient}.png"),
            size: None,
            phrase: phrase.to_string(),
            boxes: Vec::new(),
            patient: Some(patient.to_string()),
            split,
        }
    }

    fn args() -> SplitArgs {
        SplitArgs { validation: 0.2, test: 0.2, folds: None, fold: None, split_seed: 3 }
    }

    fn patients(samples: &[GroundingSample]) -> BTreeSet<String> {
        samples.iter().filter_map(|s| s.patient.clone()).collect()
    }

    #[test]
    fn nobody_is_learnt_from_and_tested_on() {
        let phrases = (0..40).map(|p| sample(p, "opacity", None)).collect();
        let anatomy = (0..80).map(|p| sample(p, "heart", Some(Split::Train))).collect();
        let splits = Splits::of(Annotations { anatomy, phrases }, &args()).unwrap();
        assert_eq!(splits.train.len() + splits.validation.len() + splits.test.len(), 40);
        assert!(!splits.test.is_empty() && !splits.validation.is_empty());
        let learnt = &patients(&splits.anatomy_train) | &patients(&splits.train);
        let held_out = &patients(&splits.test) | &patients(&splits.validation);
        assert!(learnt.is_disjoint(&held_out));
        assert_eq!(splits.anatomy_train.len(), 80 - held_out.len());
        let mut twice: Vec<_> = (0..9).map(|p| sample(p, "opacity", Some(Split::Train))).collect();
        twice.push(sample(3, "effusion", Some(Split::Test)));
        let error = Splits::of(Annotations { anatomy: Vec::new(), phrases: twice }, &args()).unwrap_err();
        assert!(matches!(error, Error::Unfit { what: "the splits", .. }), "{error}");
    }

    #[test]
    fn each_patient_is_tested_on_in_one_fold() {
        let mut tested = Vec::new();
        for fold in 0..5 {
            let phrases = (0..23).map(|p| sample(p, "opacity", Some(Split::Train))).collect();
            let anatomy = (0..30).map(|p| sample(p, "heart", None)).collect();
            let args = SplitArgs { folds: Some(5), fold: Some(fold), ..args() };
            let splits = Splits::of(Annotations { anatomy, phrases }, &args).unwrap();
            assert!(patients(&splits.test).is_disjoint(&patients(&splits.anatomy_train)));
            assert_eq!(splits.anatomy_train.len() + splits.test.len(), 30);
            tested.extend(patients(&splits.test));
        }
        tested.sort();
        tested.dedup();
        assert_eq!(tested.len(), 23);
        let args = SplitArgs { folds: Some(5), fold: Some(5), ..args() };
        assert!(Splits::of(Annotations::default(), &args).is_err());
    }
}
