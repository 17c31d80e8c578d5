//! Steps and checkpoints of a model for several tasks.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::batch::Batch;
use super::checkpoint::{FIRST, SECOND, State, moment, stored, syntax};
use super::random::Random;
use super::trainer::{Trainer, value};
use crate::error::{Error, Result, config as config_error};
use crate::model::{Backbone, MultiTaskModel, MultiTaskWeights, OPTIMIZER, write_whole};

impl Trainer {
    /// The model after one step on batches of one or several tasks, and the loss of each before it.
    ///
    /// The step follows the mean of the losses, each as [`step`](Self::step) has it. Decoders of other tasks, their moments and statistics stay as they are, to the bit; what
    /// is shared learns from all. Tasks may come in turn, one a step ([`turn`](Self::turn)), or all in every step.
    ///
    /// # Errors
    /// [`Error::Config`] for no batch and for a task that is not there; as [`step`](Self::step).
    pub fn step_tasks(
        &mut self,
        model: MultiTaskModel,
        batches: &[(&str, &Batch)],
    ) -> Result<(MultiTaskModel, Vec<f32>)> {
        let step = self.progress.step;
        let mut total: Option<Tensor<1>> = None;
        let mut found = Vec::with_capacity(batches.len());
        for (name, batch) in batches {
            if total.is_none() {
                batch.images.device().seed(Random::new(self.config.seed, step as u64).bits());
            }
            let task = model.index(name)?;
            model.check(&batch.images)?;
            let superpixels = model.superpixels(&batch.images);
            let guides = model.guides_from(&batch.images, superpixels.as_ref())?;
            let logits = model.forward(task, batch.images.clone(), guides);
            let loss = self.loss(logits, batch, superpixels.as_ref())?;
            let of_task = value(loss.clone())?;
            if !of_task.is_finite() {
                return Err(Error::Diverged { step, found: of_task });
            }
            found.push(of_task);
            total = Some(total.map_or_else(|| loss.clone(), |total| total + loss.clone()));
        }
        let Some(total) = total else { return Err(config_error("batches", "at least one", "none")) };
        let loss = total / batches.len() as f64;
        let rate = self.learning_rate();
        let model = self.optimizer.step(model, &loss.backward(), |_| rate);
        self.progress.step += 1;
        Ok((model, found))
    }

    /// Where `tasks` tasks come in turn: whose turn the next step is, and which of its `counts[task]` samples it takes, every one once
    /// before one comes again. None without tasks.
    pub fn turn(&self, counts: &[usize]) -> Option<(usize, Vec<usize>)> {
        let task = self.progress.step.checked_rem(counts.len())?;
        Some((task, self.samples_of(self.progress.step / counts.len(), task as u64, counts[task])))
    }

    /// Writes a checkpoint, as [`save`](Self::save) does for a single task.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_tasks(&self, path: impl AsRef<Path>, model: &MultiTaskModel, base_name: &str) -> Result<()> {
        let mut tensors = BTreeMap::new();
        for (path, moments) in self.optimizer.moments() {
            let name = model.name_in_files(path);
            tensors.insert(format!("{OPTIMIZER}{FIRST}{name}"), stored(&moments.first)?);
            tensors.insert(format!("{OPTIMIZER}{SECOND}{name}"), stored(&moments.second)?);
        }
        let state = serde_json::to_value(State::of(self)).map_err(syntax)?;
        write_whole(path.as_ref(), &model.to_bytes_with(base_name, tensors, Some(state))?)
    }

    /// Goes on where [`save_tasks`](Self::save_tasks) wrote a checkpoint.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn resume_tasks(
        path: impl AsRef<Path>,
        backbone: Backbone,
        device: &Device,
    ) -> Result<(Self, MultiTaskModel)> {
        let mut weights = MultiTaskWeights::open(path)?;
        let state: State = serde_json::from_value(weights.training()?.clone()).map_err(syntax)?;
        let trainer =
            state.trainer(|name, which| Ok(moment(weights.optimizer_tensor(name, which)?, device)))?;
        Ok((trainer, weights.load(backbone, device)?))
    }
}
