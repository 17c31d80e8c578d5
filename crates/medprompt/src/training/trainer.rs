//! Steps of training.

use burn::config::Config;
use burn::tensor::Tensor;
use mednn::optim::{AdamWByPath, AdamWConfig};
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::early_stopping::EarlyStopping;
use super::loss::Loss;
use super::random::Random;
use super::schedule::cosine_rate;
use crate::error::{Error, Result, config};
use crate::model::SegmentationModel;
use crate::superpixel::{SoftSuperpixels, superpixel_loss};

/// Streams of random numbers: the order of an epoch, and the changes of a sample.
const ORDER: u64 = 1 << 62;
const SAMPLE: u64 = 1 << 63;

/// Settings of a [`Trainer`].
#[derive(Config, Debug, PartialEq)]
pub struct TrainingConfig {
    /// Steps of the whole training, over which the learning rate falls.
    pub steps: usize,
    /// Samples of a step.
    #[config(default = 4)]
    pub batch: usize,
    /// Learning rate of the first step.
    #[config(default = 2e-4)]
    pub learning_rate: f64,
    /// Learning rate at the end.
    #[config(default = 1e-6)]
    pub final_learning_rate: f64,
    /// Weight decay of AdamW.
    #[config(default = 0.01)]
    pub weight_decay: f64,
    /// What becomes small.
    #[config(default = "Loss::cross_entropy_and_iou()")]
    pub loss: Loss,
    /// Of [`superpixel_loss`], for models whose prompts are of a superpixel network: its superpixels then follow the labels, and not only
    /// what helps the prompts. None for 0.
    pub superpixel_weight: Option<f64>,
    /// Of all random numbers.
    #[config(default = 0)]
    pub seed: u64,
    /// Scores of validation in a row that are no better before training stops; 0 for never.
    #[config(default = 0)]
    pub patience: usize,
}

impl TrainingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        // Far above any training; keeps places in the order of samples within 64 bits.
        for (field, most, found) in [("steps", 1 << 40, self.steps), ("batch", 1 << 16, self.batch)] {
            if !(1..=most).contains(&found) {
                return Err(config(field, format!("1 to {most}"), found));
            }
        }
        for (field, found) in [
            ("learning_rate", self.learning_rate),
            ("final_learning_rate", self.final_learning_rate),
            ("weight_decay", self.weight_decay),
            ("superpixel_weight", self.superpixel_weight.unwrap_or(0.0)),
        ] {
            if !(found.is_finite() && found >= 0.0) {
                return Err(config(field, "finite and at least 0", found));
            }
        }
        self.loss.validate()
    }
}

/// Trains a [`SegmentationModel`] step by step; the caller brings the samples.
///
/// All random numbers follow from the seed and the number of the step, so that a run resumed from a checkpoint goes on as if it had
/// never stopped.
///
/// Clones of a model in training share the running statistics of their batch norms. To keep the best one, keep
/// [`SegmentationModel::trained_to_bytes`] or a model that is out of training (burn's `valid()`).
///
/// ```no_run
/// use medprompt::training::{Augmentation, Batch, Sample, Trainer, TrainingConfig};
/// # fn run(mut model: medprompt::SegmentationModel, samples: Vec<Sample>) -> medprompt::Result<()> {
/// # let device = mednn::Backend::Flex.open()?.device().clone().autodiff();
/// let augmentation = Augmentation::new([352, 352]);
/// let mut trainer = Trainer::new(TrainingConfig::new(2_000))?;
/// while !trainer.is_over() {
///     let chosen = trainer.next_samples(samples.len());
///     let changed: Result<Vec<_>, _> =
///         chosen.iter().enumerate().map(|(i, &s)| augmentation.apply(&samples[s], &mut trainer.random(i))).collect();
///     let batch = Batch::new(&changed?, model.config().classes, &device)?;
///     let loss;
///     (model, loss) = trainer.step(model, &batch)?;
///     println!("{}: {loss}", trainer.steps_done());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Trainer {
    pub(super) config: TrainingConfig,
    pub(super) optimizer: AdamWByPath,
    pub(super) progress: Progress,
}

/// How far training is.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) step: usize,
    pub(super) stopping: EarlyStopping,
}

impl Trainer {
    /// At the first step.
    ///
    /// # Errors
    /// As [`TrainingConfig::validate`].
    pub fn new(config: TrainingConfig) -> Result<Self> {
        config.validate()?;
        let adamw = AdamWConfig::new().with_weight_decay(config.weight_decay);
        let optimizer = AdamWByPath::new(adamw.build());
        let progress = Progress { step: 0, stopping: EarlyStopping::new(config.patience) };
        Ok(Self { config, optimizer, progress })
    }

    /// Which samples, of `count`, the next step takes: every sample comes once before one comes again. None where there are none.
    pub fn next_samples(&self, count: usize) -> Vec<usize> {
        self.samples_of(self.progress.step, 0, count)
    }

    /// Which samples, of `count`, step `step` of a task takes.
    pub(super) fn samples_of(&self, step: usize, task: u64, count: usize) -> Vec<usize> {
        if count == 0 {
            return Vec::new();
        }
        // Tasks have orders of their own; the first has that of a training of one task.
        let seed = self.config.seed.wrapping_add(task << 32);
        let first = step * self.config.batch;
        let mut epoch = None;
        let mut order = Vec::new();
        (first..first + self.config.batch)
            .map(|place| {
                let wanted = place / count;
                if epoch != Some(wanted) {
                    order = Random::new(seed, ORDER + wanted as u64).permutation(count);
                    epoch = Some(wanted);
                }
                order[place % count]
            })
            .collect()
    }

    /// The random numbers for sample `index` of the next step.
    pub const fn random(&self, index: usize) -> Random {
        let place = self.progress.step * self.config.batch + index;
        Random::new(self.config.seed, SAMPLE + place as u64)
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        let TrainingConfig { steps, learning_rate, final_learning_rate, .. } = self.config;
        cosine_rate(self.progress.step, steps, learning_rate, final_learning_rate)
    }

    /// The model after one step, and the loss before it.
    ///
    /// Seeds the device, for dropout: the same step of the same training drops the same.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss is not finite; as [`SegmentationModel::segment`] and [`Loss::checked`].
    pub fn step(&mut self, model: SegmentationModel, batch: &Batch) -> Result<(SegmentationModel, f32)> {
        let step = self.progress.step;
        batch.images.device().seed(Random::new(self.config.seed, step as u64).bits());
        model.check(&batch.images)?;
        let superpixels = model.superpixels(&batch.images);
        let guides = model.guides_from(&batch.images, superpixels.as_ref())?;
        let logits = model.forward(batch.images.clone(), guides);
        let loss = self.loss(logits, batch, superpixels.as_ref())?;
        let found = value(loss.clone())?;
        if !found.is_finite() {
            return Err(Error::Diverged { step, found });
        }
        let rate = self.learning_rate();
        let model = self.optimizer.step(model, &loss.backward(), |_| rate);
        self.progress.step += 1;
        Ok((model, found))
    }

    /// What a step makes smaller: the loss and, with a [weight](TrainingConfig::superpixel_weight), that of the superpixels.
    pub(super) fn loss(
        &self,
        logits: Tensor<4>,
        batch: &Batch,
        superpixels: Option<&SoftSuperpixels>,
    ) -> Result<Tensor<1>> {
        let loss = self.config.loss.checked(logits, batch.targets.clone())?;
        Ok(match (self.config.superpixel_weight, superpixels) {
            (Some(weight), Some(superpixels)) if weight > 0.0 => {
                loss + superpixel_loss(superpixels, batch.labels()) * weight
            }
            _ => loss,
        })
    }

    /// Takes a score of validation, of which more is better; true when it is the best so far.
    pub fn observe(&mut self, score: f64) -> bool {
        self.progress.stopping.observe(score)
    }

    /// Whether all steps are done, or the score has not become better for too long.
    pub const fn is_over(&self) -> bool {
        self.progress.step >= self.config.steps || self.progress.stopping.is_over()
    }

    /// Steps so far.
    pub const fn steps_done(&self) -> usize {
        self.progress.step
    }

    /// The best score so far.
    pub const fn best_score(&self) -> Option<f64> {
        self.progress.stopping.best()
    }

    /// The settings.
    pub const fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// With another end and another highest learning rate from here on: the rate falls along the half cosine of the new settings, on which
    /// the steps that are done count. To bring a training to an early end, or to go on with one that is over.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer steps than are done; as [`TrainingConfig::validate`].
    pub fn reschedule(&mut self, steps: usize, learning_rate: f64) -> Result<()> {
        if steps < self.progress.step {
            return Err(config("steps", format!("at least {}, which are done", self.progress.step), steps));
        }
        let config = self.config.clone().with_learning_rate(learning_rate);
        let config = TrainingConfig { steps, ..config };
        config.validate()?;
        self.config = config;
        Ok(())
    }

    /// The optimiser.
    pub const fn optimizer(&self) -> &AdamWByPath {
        &self.optimizer
    }
}

pub(super) fn value(loss: Tensor<1>) -> Result<f32> {
    Ok(mednn::bridge::read_f32(loss.detach())?.first().copied().unwrap_or(f32::NAN))
}
