//! Training, step by step, from where it was left.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use medcore::Image;
use medeval::statistics::Bootstrap;
use mednn::bridge::read_f32;
use mednn::optim::{AdamWByPath, AdamWConfig};
use mednn::weights::{Precision, WeightSource};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::batch::{TacoTerm, TrainingBatch};
use super::config::TrainingConfig;
use super::feature_cache::{FeatureCache, FeatureCacheOptions};
use super::optimizer::{self, ModelPart, OptimizerSteps};
use crate::data::GroundingSample;
use crate::error::{Error, Result, read_text, write_file};
use crate::evaluation::{GroundingScores, evaluate_prepared};
use crate::losses::taco_weight;
use crate::model::GroundingModel;
use crate::phrase_grounder::PhraseGrounder;

/// A step that was just taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingStep {
    /// Which epoch, from 0.
    pub epoch: usize,
    /// Which step of all, from 0.
    pub step: usize,
    /// How many there will be.
    pub total: usize,
    /// The loss of its batch, before the step.
    pub loss: f64,
}

/// A grounder that is being trained.
///
/// What it does in a step follows from the configuration, the samples and the number of the step: order, augmentation and dropout are
/// drawn anew from them in each. A run that is saved, loaded and continued comes to the same weights as one that was not, as long as nothing else in the process draws random
/// numbers on the device meanwhile: its generator is shared.
#[derive(Debug)]
pub struct Trainer {
    grounder: PhraseGrounder,
    optimizer: AdamWByPath,
    config: TrainingConfig,
    cache: FeatureCache,
    step: usize,
}

/// `training.json` of a checkpoint.
#[derive(Serialize, Deserialize)]
struct State {
    config: TrainingConfig,
    step: usize,
    optimizer_steps: OptimizerSteps,
}

const STATE: &str = "training.json";
const OPTIMIZER: &str = "optimizer.safetensors";

impl Trainer {
    /// Begins with a grounder on a device with autodiff.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting cannot be, or the device has no autodiff.
    pub fn new(grounder: PhraseGrounder, config: TrainingConfig) -> Result<Self> {
        config.validate()?;
        if !grounder.device().is_autodiff() {
            return Err(Error::Config {
                field: "device",
                expected: "one with autodiff".to_string(),
                found: "one without".to_string(),
            });
        }
        if config.taco && !matches!(grounder.model(), GroundingModel::TransVg(_)) {
            return Err(Error::Config {
                field: "taco",
                expected: "false, but with TransVG".to_string(),
                found: "true".to_string(),
            });
        }
        let mut model = grounder.model().clone();
        if config.freeze_vision {
            model = model.freeze_vision();
        }
        if config.freeze_text {
            model = model.freeze_text();
        }
        let grounder = grounder.with_model(model);
        let cache = FeatureCache::new(&grounder, &config, FeatureCacheOptions::default());
        let adamw = AdamWConfig::new().with_weight_decay(config.weight_decay);
        Ok(Self { grounder, optimizer: AdamWByPath::new(adamw.build()), config, cache, step: 0 })
    }

    /// With other bounds on the features of frozen encoders that are kept. To go on from a checkpoint exactly, take the same precision.
    #[must_use]
    pub fn with_feature_cache(self, options: FeatureCacheOptions) -> Self {
        let cache = FeatureCache::new(&self.grounder, &self.config, options);
        Self { cache, ..self }
    }

    /// Goes on from a folder that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it was made with another configuration; [`Error::Syntax`], and as
    /// [`PhraseGrounder::from_pretrained`].
    pub fn resume(folder: impl AsRef<Path>, config: TrainingConfig, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let syntax = |source| Error::Syntax { what: STATE.to_string(), source };
        let state: State = serde_json::from_str(&read_text(&folder.join(STATE))?).map_err(syntax)?;
        if state.config != config {
            return Err(Error::Checkpoint {
                what: "the configuration",
                expected: format!("{config:?}"),
                found: format!("{:?}", state.config),
            });
        }
        let source = WeightSource::open(folder.join(OPTIMIZER))?;
        let mut trainer = Self::new(PhraseGrounder::from_pretrained(folder, device)?, config)?;
        let device = device.clone().inner();
        optimizer::restore(&mut trainer.optimizer, source, state.optimizer_steps, &device)?;
        Ok(Self { step: state.step, ..trainer })
    }

    /// Writes a folder that [`resume`](Self::resume) reads; it is the folder of a [`PhraseGrounder`] too.
    ///
    /// # Errors
    /// As [`PhraseGrounder::save_pretrained`].
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        self.grounder.save_pretrained(folder, Precision::F32)?;
        let (bytes, optimizer_steps) = optimizer::to_bytes(&self.optimizer)?;
        write_file(&folder.join(OPTIMIZER), &bytes)?;
        let state = State { config: self.config.clone(), step: self.step, optimizer_steps };
        let syntax = |source| Error::Syntax { what: STATE.to_string(), source };
        write_file(&folder.join(STATE), serde_json::to_string(&state).map_err(syntax)?.as_bytes())
    }

    /// Trains to the last epoch, from the step it is at. `load` gives the image of a sample; `observe` sees each step and can stop.
    ///
    /// # Errors
    /// [`Error::Batch`] without samples; [`Error::Evaluation`] and [`Error::Image`] when the training diverges; what `load` gives,
    /// and as [`TrainingBatch::new`].
    pub fn train(
        &mut self,
        samples: &[GroundingSample],
        mut load: impl FnMut(&GroundingSample) -> Result<Image<f32>>,
        mut observe: impl FnMut(TrainingStep) -> ControlFlow<()>,
    ) -> Result<()> {
        if samples.is_empty() {
            let (what, expected) = ("samples", "at least one".to_string());
            return Err(Error::Batch { what, expected, found: "none".to_string() });
        }
        let per_epoch = samples.len().div_ceil(self.config.batch_size);
        let total = per_epoch * self.config.epochs;
        while self.step < total {
            let (epoch, within) = (self.step / per_epoch, self.step % per_epoch);
            let order = epoch_order(samples.len(), self.config.seed, epoch);
            let chosen = order.chunks(self.config.batch_size).nth(within).unwrap_or_default();
            let chosen: Vec<_> = chosen.iter().map(|&index| (index, &samples[index])).collect();
            let batch = self.batch(&chosen, epoch, &mut load)?;
            let step = self.step;
            let loss = self.step(&batch, epoch)?;
            if observe(TrainingStep { epoch, step, total, loss }).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The batch of some samples, by index.
    fn batch(
        &mut self,
        samples: &[(usize, &GroundingSample)],
        epoch: usize,
        mut load: impl FnMut(&GroundingSample) -> Result<Image<f32>>,
    ) -> Result<TrainingBatch> {
        let view = self.config.view(epoch);
        let config = &self.config;
        let mut varied = |index: usize, sample: &GroundingSample| {
            let seed = mix(&[config.seed, view.unwrap_or(epoch) as u64, index as u64]);
            config.augmentation.apply(&load(sample)?, sample, seed)
        };
        if self.cache.encodes_images() {
            return self.cache.batch(&self.grounder, samples, view, varied);
        }
        let varied =
            samples.iter().map(|&(index, sample)| varied(index, sample)).collect::<Result<Vec<_>>>()?;
        let mut batch = TrainingBatch::new(&self.grounder, &varied, self.grounder.device())?;
        batch.text = self.cache.text(&batch.phrases, self.grounder.device())?;
        Ok(batch)
    }

    /// One step on one batch; its loss before the step.
    fn step(&mut self, batch: &TrainingBatch, epoch: usize) -> Result<f64> {
        // For the dropout, so that a resumed run drops the same.
        self.grounder.device().seed(mix(&[self.config.seed, self.step as u64]));
        let seed = mix(&[self.config.seed, self.step as u64, 1]);
        let weight = taco_weight(epoch, self.config.epochs);
        let taco = self.config.taco.then_some(TacoTerm { weight, seed });
        let loss = batch.loss(self.grounder.model(), taco)?;
        let value = f64::from(read_f32(loss.clone())?.first().copied().unwrap_or(f32::NAN));
        if !value.is_finite() {
            return Err(Error::NotFinite { count: 1, total: 1 });
        }
        let gradients = loss.backward();
        let factor = self.config.factor(epoch);
        let rate = |path: &str| factor * self.config.rate(ModelPart::of(path));
        self.optimizer.step_in_place(self.grounder.model_mut(), &gradients, rate);
        self.step += 1;
        Ok(value)
    }

    /// [`evaluate`](crate::evaluate) of the grounder as it is now, with the features that are kept.
    ///
    /// # Errors
    /// As [`evaluate`](crate::evaluate).
    pub fn evaluate(
        &mut self,
        samples: &[GroundingSample],
        mut load: impl FnMut(&GroundingSample) -> Result<Image<f32>>,
        bootstrap: Bootstrap,
    ) -> Result<GroundingScores> {
        let grounder = self.grounder.for_inference();
        let cache = &mut self.cache;
        let prepare = |sample: &GroundingSample| cache.prepare(&grounder, sample, &mut load);
        evaluate_prepared(&grounder, samples, prepare, bootstrap)
    }

    /// How many bytes the features of frozen encoders take.
    pub const fn kept_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// How many steps have been taken.
    pub const fn steps(&self) -> usize {
        self.step
    }

    /// The grounder as it is now, on the device with autodiff; see [`PhraseGrounder::for_inference`].
    pub const fn grounder(&self) -> &PhraseGrounder {
        &self.grounder
    }
}

/// The order of the samples in an epoch: the same on every machine.
fn epoch_order(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(mix(&[seed, epoch as u64, u64::MAX])));
    order
}

/// Several numbers as one seed (splitmix64).
fn mix(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0x9e37_79b9_7f4a_7c15, |state, number| {
        let mut z = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
