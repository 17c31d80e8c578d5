//! Files of what several tasks trained.
//!
//! As those of a single task ([`TrainedWeights`](super::TrainedWeights)); decoders are called by the names of their tasks.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;

use super::backbone::Backbone;
use super::multi_task::{MultiTaskConfig, MultiTaskModel, TaskConfig};
use super::weights::{Metadata, Stored, WeightFile, fill, trained, write_whole};
use crate::error::Result;

/// Where the decoders are in the model, and in files.
const DECODERS: &str = "decoders.";

/// Trained weights of a [`MultiTaskModel`] on their own: the bytes of a file, opened and checked.
#[derive(Debug)]
pub struct MultiTaskWeights(WeightFile<MultiTaskConfig>);

impl MultiTaskWeights {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`TrainedWeights::open`](super::TrainedWeights::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::checked(WeightFile::open(path.as_ref())?)
    }

    /// From the bytes of a file; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`TrainedWeights::from_bytes`](super::TrainedWeights::from_bytes).
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self> {
        Self::checked(WeightFile::from_bytes(name.into(), bytes)?)
    }

    fn checked(file: WeightFile<MultiTaskConfig>) -> Result<Self> {
        file.metadata.config.validate()?;
        Ok(Self(file))
    }

    /// The configuration of the model, with the names of its tasks.
    pub const fn config(&self) -> &MultiTaskConfig {
        &self.0.metadata.config
    }

    /// What the backbone of training was called.
    pub fn base_name(&self) -> &str {
        &self.0.metadata.base
    }

    /// The state of a trainer.
    pub(crate) fn training(&self) -> Result<&serde_json::Value> {
        self.0.training()
    }

    /// The moments of a parameter of the model, which must be as many as it has numbers.
    pub(crate) fn optimizer_tensor(&mut self, parameter: &str, which: &str) -> Result<Vec<f32>> {
        let name = name_in_files(parameter, &self.0.metadata.config.tasks);
        self.0.optimizer_tensor(&name, which)
    }

    /// The model as it was trained, around a backbone.
    ///
    /// # Errors
    /// As [`TrainedWeights::load`](super::TrainedWeights::load).
    pub fn load(self, backbone: Backbone, device: &Device) -> Result<MultiTaskModel> {
        let Self(mut file) = self;
        file.check_base(&backbone, &file.metadata.config.adaptation)?;
        let config = &file.metadata.config;
        let model = config.init(backbone, device)?;
        let naming = |path: &str| name_in_files(path, &config.tasks);
        fill(model, &mut file.source, config.adaptation.trains_backbone(), &naming)
    }
}

impl MultiTaskModel {
    /// The file of what was trained, as bytes. `base_name` says which backbone it belongs to.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when the device fails.
    pub fn trained_to_bytes(&self, base_name: &str) -> Result<Vec<u8>> {
        self.to_bytes_with(base_name, BTreeMap::new(), None)
    }

    /// The same with tensors by the paths of parameters behind prefixes, and the state of a trainer.
    pub(crate) fn to_bytes_with(
        &self,
        base_name: &str,
        more: BTreeMap<String, Stored>,
        training: Option<serde_json::Value>,
    ) -> Result<Vec<u8>> {
        let config = self.config.clone();
        let naming = |path: &str| name_in_files(path, &self.config.tasks);
        // Running statistics lag a step behind in a model in training; this brings them up to date.
        let mut tensors = trained(&self.valid(), config.adaptation.trains_backbone(), &naming)?;
        tensors.extend(more);
        let base_sha256 = self.backbone.sha256()?;
        Metadata { base: base_name.to_string(), base_sha256, config, training, usage: None }.file(tensors)
    }

    /// Writes the file of what was trained, which appears under its name when it is complete.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), and as [`trained_to_bytes`](Self::trained_to_bytes).
    pub fn save_trained(&self, path: impl AsRef<Path>, base_name: &str) -> Result<()> {
        write_whole(path.as_ref(), &self.trained_to_bytes(base_name)?)
    }

    /// What a parameter is called in files.
    pub(crate) fn name_in_files(&self, path: &str) -> String {
        name_in_files(path, &self.config.tasks)
    }
}

/// A path with the name of a task in place of its number.
fn name_in_files(path: &str, tasks: &[TaskConfig]) -> String {
    let named = || {
        let (number, rest) = path.strip_prefix(DECODERS)?.split_once('.')?;
        let task = tasks.get(number.parse::<usize>().ok()?)?;
        Some(format!("{DECODERS}{}.{rest}", task.name))
    };
    named().unwrap_or_else(|| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_are_called_by_their_tasks() {
        let tasks = [TaskConfig::new("nuclei", 1), TaskConfig::new("organs", 5)];
        assert_eq!(name_in_files("decoders.1.fuse.weight", &tasks), "decoders.organs.fuse.weight");
        for other in ["prompts.stages.1.up", "decoders.2.fuse.weight", "backbone.decoders.1.x"] {
            assert_eq!(name_in_files(other, &tasks), other);
        }
    }
}
