//! AdamW with a rate for each part of the model.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::weights::WeightSource;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use super::config::TrainingConfig;
use crate::error::{Error, Result};

/// A part of the model with a learning rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelPart {
    /// The backbone; in TransVG also the projection and DETR's encoder.
    Vision,
    /// The text encoder.
    Text,
    /// All else.
    Fusion,
}

impl ModelPart {
    /// The part that a path in a [`GroundingModel`](crate::model::GroundingModel) belongs to.
    pub fn of(path: &str) -> Self {
        let segments: Vec<&str> = path.split('.').collect();
        let transvg = segments.first() == Some(&"TransVg");
        match segments.get(1) {
            _ if segments.contains(&"backbone") => Self::Vision,
            Some(&"projection" | &"encoder") if transvg => Self::Vision,
            _ if segments.contains(&"text") => Self::Text,
            _ => Self::Fusion,
        }
    }
}

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101) as PyTorch computes it, with beta 0.9 and 0.999 and epsilon 1e-8.
///
/// Moments are kept by the path of their parameter, so that they are found again beside weights that were saved and loaded.
#[derive(Debug, Default)]
pub(super) struct AdamW {
    moments: BTreeMap<String, Moments>,
}

#[derive(Debug)]
struct Moments {
    steps: u32,
    first: Tensor<1>,
    second: Tensor<1>,
}

const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

impl AdamW {
    /// One step of all parameters that have a gradient; rates are multiplied by `factor`.
    pub(super) fn step<M: Module>(
        &mut self,
        module: M,
        gradients: &Gradients,
        config: &TrainingConfig,
        factor: f64,
    ) -> M {
        module.map(&mut Step { optimizer: self, gradients, config, factor, path: Vec::new() })
    }

    /// The moments as the bytes of a safetensors file, and how many steps each parameter has had.
    pub(super) fn to_bytes(&self) -> Result<(Vec<u8>, OptimizerSteps)> {
        let mut values = Vec::new();
        for (path, moments) in &self.moments {
            for (name, moment) in [("first", &moments.first), ("second", &moments.second)] {
                let bytes: Vec<u8> = read_f32(moment.clone())?.iter().flat_map(|v| v.to_le_bytes()).collect();
                values.push((format!("{name}.{path}"), bytes));
            }
        }
        let broken = |source| mednn::Error::WeightFormat { what: "the optimiser".to_string(), source };
        let views = values
            .iter()
            .map(|(key, bytes)| Ok((key, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?)))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(broken)?;
        let bytes = safetensors::serialize(views, None).map_err(broken)?;
        let steps = self.moments.iter().map(|(path, m)| (path.clone(), m.steps)).collect();
        Ok((bytes, OptimizerSteps(steps)))
    }

    /// From what [`to_bytes`](Self::to_bytes) gave.
    pub(super) fn from_source(
        mut source: WeightSource,
        steps: OptimizerSteps,
        device: &Device,
    ) -> Result<Self> {
        let mut moments = BTreeMap::new();
        for (path, steps) in steps.0 {
            let mut read = |name: &str| -> Result<Tensor<1>> {
                let key = format!("{name}.{path}");
                let values = source.read_f32(&key)?.ok_or_else(|| Error::Checkpoint {
                    what: "the optimiser",
                    expected: key,
                    found: "nothing".to_string(),
                })?;
                let count = values.len();
                Ok(Tensor::from_data(TensorData::new(values, [count]), device))
            };
            let (first, second) = (read("first")?, read("second")?);
            moments.insert(path, Moments { steps, first, second });
        }
        Ok(Self { moments })
    }
}

/// How many steps each parameter has had.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct OptimizerSteps(BTreeMap<String, u32>);

struct Step<'a> {
    optimizer: &'a mut AdamW,
    gradients: &'a Gradients,
    config: &'a TrainingConfig,
    factor: f64,
    path: Vec<String>,
}

impl Step<'_> {
    fn stepped<const D: usize>(&mut self, value: Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
        let path = self.path.join(".");
        let rate = self.factor * self.config.rate(ModelPart::of(&path));
        let shape = value.dims();
        let count = shape.iter().product::<usize>();
        let gradient = gradient.reshape([count]);
        let zeros = || Tensor::zeros([count], &gradient.device());
        let old = self.optimizer.moments.remove(&path).filter(|m| m.first.dims() == [count]);
        let old = old.unwrap_or_else(|| Moments { steps: 0, first: zeros(), second: zeros() });
        let steps = old.steps + 1;
        let first = old.first * BETA[0] + gradient.clone() * (1.0 - BETA[0]);
        let second = old.second * BETA[1] + gradient.powi_scalar(2) * (1.0 - BETA[1]);
        let bias = BETA.map(|beta| 1.0 - beta.powi(steps as i32));
        let scale = (second.clone() / bias[1]).sqrt() + EPSILON;
        let update = first.clone() / scale * (rate / bias[0]);
        self.optimizer.moments.insert(path, Moments { steps, first, second });
        value * (1.0 - rate * self.config.weight_decay) - update.reshape(shape)
    }
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = param.val().grad(self.gradients) else { return param };
        param.map(|value| Tensor::from_inner(self.stepped(value.inner(), gradient.inner())).require_grad())
    }
}
