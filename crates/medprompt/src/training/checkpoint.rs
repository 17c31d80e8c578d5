//! Training that is interrupted and goes on.
//!
//! A checkpoint is a file of trained weights with more in it: the moments of the optimiser behind `optimizer.`, and the state of the
//! trainer in the metadata. It loads as [`TrainedWeights`] too.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use serde::{Deserialize, Serialize};

use super::adamw::Moments;
use super::trainer::{Progress, Trainer, TrainingConfig};
use crate::error::{Error, Result, config as config_error};
use crate::model::{Backbone, OPTIMIZER, SegmentationModel, Stored, TrainedWeights, write_whole};

const FIRST: &str = "first.";
const SECOND: &str = "second.";

/// The state of a trainer without its moments.
#[derive(Serialize, Deserialize)]
struct State {
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
        let moments = &self.optimizer.moments;
        let mut tensors = BTreeMap::new();
        for (name, Moments { first, second, .. }) in moments {
            tensors.insert(format!("{OPTIMIZER}{FIRST}{name}"), stored(first)?);
            tensors.insert(format!("{OPTIMIZER}{SECOND}{name}"), stored(second)?);
        }
        let state = State {
            config: self.config.clone(),
            progress: self.progress.clone(),
            steps: moments.iter().map(|(name, moments)| (name.clone(), moments.steps)).collect(),
        };
        let state = serde_json::to_value(&state).map_err(syntax)?;
        write_whole(path.as_ref(), &model.to_bytes_with(base_name, tensors, Some(state))?)
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
        let State { config, progress, steps } =
            serde_json::from_value(weights.training()?.clone()).map_err(syntax)?;
        let mut trainer = Self::new(config)?;
        if progress.step > trainer.config.steps {
            return Err(config_error("step", format!("0 to {}", trainer.config.steps), progress.step));
        }
        trainer.progress = progress;
        for (name, steps) in steps {
            let mut moment = |which: &str| -> Result<Tensor<1>> {
                let values = weights.optimizer_tensor(&name, which)?;
                let count = values.len();
                Ok(Tensor::from_data(TensorData::new(values, [count]), &device.clone().without_autodiff()))
            };
            let (first, second) = (moment(FIRST)?, moment(SECOND)?);
            trainer.optimizer.moments.insert(name, Moments { first, second, steps });
        }
        Ok((trainer, weights.load(backbone, device)?))
    }
}

fn syntax(source: serde_json::Error) -> Error {
    Error::Syntax { what: "the state of the trainer".to_string(), source }
}

fn stored(moment: &Tensor<1>) -> Result<Stored> {
    Ok(Stored::new(moment.dims().to_vec(), &read_f32(moment.clone())?))
}
