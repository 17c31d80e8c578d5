//! Training that is interrupted and goes on.
//!
//! A checkpoint is a file of trained weights with more in it: the moments of the optimiser behind `optimizer.`, and the state of the
//! trainer in the metadata. It loads as [`TrainedWeights`] too.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::optim::Moments;
use serde::{Deserialize, Serialize};

use super::trainer::{Progress, Trainer, TrainingConfig};
use crate::error::{Error, Result, config as config_error};
use crate::model::{Backbone, OPTIMIZER, SegmentationModel, Stored, TrainedWeights, write_whole};

pub(super) const FIRST: &str = "first.";
pub(super) const SECOND: &str = "second.";

/// The state of a trainer without its moments.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    config: TrainingConfig,
    progress: Progress,
    /// Steps of each parameter that has moments.
    steps: BTreeMap<String, u32>,
}

impl Trainer {
    /// Writes a checkpoint, which appears under its name when it is complete. `base_name` says which backbone it belongs to.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Network`] when the device fails.
    pub fn save(&self, path: impl AsRef<Path>, model: &SegmentationModel, base_name: &str) -> Result<()> {
        let mut tensors = BTreeMap::new();
        for (name, Moments { first, second, .. }) in self.optimizer.moments() {
            tensors.insert(format!("{OPTIMIZER}{FIRST}{name}"), stored(first)?);
            tensors.insert(format!("{OPTIMIZER}{SECOND}{name}"), stored(second)?);
        }
        let state = State::of(self);
        let state = serde_json::to_value(&state).map_err(syntax)?;
        write_whole(path.as_ref(), &model.to_bytes_with(base_name, tensors, Some(state), None)?)
    }

    /// Goes on where a checkpoint was written.
    ///
    /// # Errors
    /// [`Error::Metadata`] when the file is no checkpoint, [`Error::Weights`] when moments do not fit the parameters, [`Error::Config`] when it is beyond
    /// its last step; as
    /// [`TrainedWeights::open`] and [`TrainedWeights::load`].
    pub fn resume(
        path: impl AsRef<Path>,
        backbone: Backbone,
        device: &Device,
    ) -> Result<(Self, SegmentationModel)> {
        let mut weights = TrainedWeights::open(path)?;
        let state: State = serde_json::from_value(weights.training()?.clone()).map_err(syntax)?;
        let trainer =
            state.trainer(|name, which| Ok(moment(weights.optimizer_tensor(name, which)?, device)))?;
        Ok((trainer, weights.load(backbone, device)?))
    }
}

impl State {
    pub(super) fn of(trainer: &Trainer) -> Self {
        let moments = trainer.optimizer.moments();
        Self {
            config: trainer.config.clone(),
            progress: trainer.progress.clone(),
            steps: moments.map(|(name, moments)| (name.to_string(), moments.steps)).collect(),
        }
    }

    /// The trainer, whose moments `read` gives by the path of their parameter and which of the two they are.
    pub(super) fn trainer(self, mut read: impl FnMut(&str, &str) -> Result<Tensor<1>>) -> Result<Trainer> {
        let mut trainer = Trainer::new(self.config)?;
        if self.progress.step > trainer.config.steps {
            return Err(config_error("step", format!("0 to {}", trainer.config.steps), self.progress.step));
        }
        trainer.progress = self.progress;
        for (name, steps) in self.steps {
            let (first, second) = (read(&name, FIRST)?, read(&name, SECOND)?);
            trainer.optimizer.set_moments(name, Moments { first, second, steps });
        }
        Ok(trainer)
    }
}

/// Moments on a device.
pub(super) fn moment(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), &device.clone().without_autodiff())
}

pub(super) fn syntax(source: serde_json::Error) -> Error {
    Error::Syntax { what: "the state of the trainer".to_string(), source }
}

pub(super) fn stored(moment: &Tensor<1>) -> Result<Stored> {
    Ok(Stored::new(moment.dims().to_vec(), &read_f32(moment.clone())?))
}
