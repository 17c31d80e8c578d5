//! Many trainings on one data set, each a line of a file.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use medprompt::inference::Usage;
use medprompt::training::Trainer;
use medprompt::{Backbone, BackboneConfig, SegmentationConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arguments::{Arm, Dataset, Detail, ModelArgs, StepArgs};
use super::fit::{Curves, Fit};
use super::item::Item;
use super::scores::{ItemScores, predict};
use super::settings::Settings;
use crate::error::{Error, Result};

/// An arm as it is named on the command line: `slic`, `slic+pyramid` with details, `slic@0.5` with a readout of that weight, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArm {
    /// As given.
    pub name: String,
    arm: Arm,
    detail: Option<Detail>,
    readout: Option<f64>,
}

impl std::str::FromStr for NamedArm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let (arm, readout) = match name.split_once('@') {
            Some((arm, weight)) => (arm, Some(weight.parse().map_err(|_| format!("{weight} is no number"))?)),
            None => (name, None),
        };
        let (arm, detail) = match arm.split_once('+') {
            Some((arm, detail)) => (arm, Some(clap::ValueEnum::from_str(detail, false)?)),
            None => (arm, None),
        };
        Ok(Self { name: name.to_string(), arm: clap::ValueEnum::from_str(arm, false)?, detail, readout })
    }
}

/// What one training was and what came of it.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct Run {
    /// The data set.
    pub data: String,
    /// What was trained.
    pub arm: String,
    /// Part of the training groups.
    pub fraction: f64,
    /// Of all random numbers.
    pub seed: u64,
    /// Steps of training.
    pub steps: usize,
    /// Training items.
    pub items: usize,
    /// Trained numbers.
    pub parameters: usize,
    /// Time of training and scoring.
    pub seconds: f64,
    /// Names of the held-out items.
    pub names: Vec<String>,
    /// Their patients or files.
    pub groups: Vec<String>,
    /// Their scores.
    pub scores: Vec<ItemScores>,
    /// What it was made with; lines of older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

impl Run {
    /// Whether another training of the same arm was made alike, as far as both say.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let settings = self.settings.as_ref().zip(other.settings.as_ref());
        self.steps == other.steps && settings.is_none_or(|(own, other)| own == other)
    }

    /// Whether another training differs in its arm at most, as far as both say.
    pub(super) fn is_comparable(&self, other: &Self) -> bool {
        let common = |settings: &Settings| settings.without(&OF_ARMS);
        let settings = self.settings.as_ref().zip(other.settings.as_ref());
        self.steps == other.steps && settings.is_none_or(|(own, other)| common(own) == common(other))
    }
}

/// Settings that go with the arm.
const OF_ARMS: [&str; 2] = ["learning_rate", "model"];

/// Trainings that differ in their arm, the part of the training data and the seed.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The name of the data set.
    pub name: String,
    /// The items.
    pub data: &'a Dataset,
    /// How the items were made of the files, for the record.
    pub made_of: Value,
    /// The models.
    pub model: &'a ModelArgs,
    /// The steps.
    pub steps: &'a StepArgs,
    /// How many steps.
    pub count: usize,
    /// How images were prepared.
    pub usage: Usage,
    /// A device that tracks gradients.
    pub device: Device,
}

impl Comparison<'_> {
    /// Trains what the file does not have yet, and adds a line for each. A line with other settings is of another training; one that does
    /// not say its settings counts as of these.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`]; as [`Fit::run`].
    pub fn run(&self, arms: &[NamedArm], fractions: &[f64], seeds: &[u64], record: &Path) -> Result<()> {
        let done = if record.exists() { read_runs(record)? } else { Vec::new() };
        let (backbone, base) = self.model.backbone_config()?;
        let mut silent = 0;
        for &seed in seeds {
            for &fraction in fractions {
                for arm in arms {
                    let config = self.config(arm, backbone.clone());
                    let settings = self.settings(arm, &config, &base);
                    let same = |run: &Run| {
                        (run.data.as_str(), run.arm.as_str(), run.fraction, run.seed, run.steps)
                            == (self.name.as_str(), arm.name.as_str(), fraction, seed, self.count)
                    };
                    let alike = |run: &&Run| run.settings.as_ref().is_none_or(|found| *found == settings);
                    if let Some(run) = done.iter().filter(|run| same(run)).find(alike) {
                        silent += usize::from(run.settings.is_none());
                        continue;
                    }
                    let run = Run { settings: Some(settings), ..self.train(arm, config, fraction, seed)? };
                    let dice =
                        run.scores.iter().map(|s| s.dice).sum::<f64>() / run.scores.len().max(1) as f64;
                    println!(
                        "{} {} {fraction} seed {seed}: {} items, Dice {dice:.4}, {:.0} s",
                        run.data, run.arm, run.items, run.seconds
                    );
                    append(record, &run)?;
                }
            }
        }
        if silent > 0 {
            println!(
                "note: {silent} lines of {} do not say their settings and count as done",
                record.display()
            );
        }
        Ok(())
    }

    fn config(&self, arm: &NamedArm, backbone: BackboneConfig) -> SegmentationConfig {
        self.model.config(backbone, arm.arm, arm.detail, arm.readout, self.data.channels)
    }

    /// What tells a training from others of its arm, part of the data, seed and steps.
    fn settings(&self, arm: &NamedArm, config: &SegmentationConfig, base: &str) -> Settings {
        Settings::default()
            .with("backbone", base)
            .with("data", &self.made_of)
            .with("learning_rate", self.steps.rate(arm.arm))
            .with("model", config)
            .with("steps", self.steps)
    }

    fn train(&self, arm: &NamedArm, config: SegmentationConfig, fraction: f64, seed: u64) -> Result<Run> {
        let start = Instant::now();
        let training = self.data.fraction(fraction, seed)?;
        let (backbone, _, base) = self.model.backbone(&self.device)?;
        self.device.seed(seed);
        let model = config.init(backbone.clone(), &self.device)?;
        let parameters = model.trained_parameters();
        let settings = self.steps.training(self.count, self.steps.rate(arm.arm), seed);
        let held_out: Vec<&Item> = self.data.held_out.iter().collect();
        let fit = Fit {
            training: &training,
            held_out: &held_out,
            augmentation: self.steps.augmentation(),
            score_every: 0,
            state: None,
            base,
            usage: self.usage.clone(),
            device: self.device.clone(),
        };
        let model =
            fit.run(&mut Trainer::new(settings)?, model, &mut Curves::default(), &backbone as &Backbone)?;
        let plain = self.device.clone().without_autodiff();
        let predictions = predict(&model, &held_out, self.steps.size, &plain)?;
        Ok(Run {
            data: self.name.clone(),
            arm: arm.name.clone(),
            fraction,
            seed,
            steps: self.count,
            items: training.len(),
            parameters,
            seconds: start.elapsed().as_secs_f64(),
            names: held_out.iter().map(|item| item.source.name.clone()).collect(),
            groups: held_out.iter().map(|item| item.source.group.clone()).collect(),
            scores: predictions.iter().map(ItemScores::of).collect::<Result<_>>()?,
            settings: None,
        })
    }
}

/// Reads the lines of a file.
///
/// # Errors
/// [`Error::Io`], [`Error::Json`].
pub fn read_runs(path: &Path) -> Result<Vec<Run>> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let line = |line| serde_json::from_str(line).map_err(|source| Error::Json { path: path.into(), source });
    text.lines().filter(|line| !line.is_empty()).map(line).collect()
}

fn append(path: &Path, run: &Run) -> Result<()> {
    let line = serde_json::to_string(run).map_err(|source| Error::Json { path: path.into(), source })?;
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| writeln!(file, "{line}"))
        .map_err(|source| Error::Io { path: path.into(), source })
}
