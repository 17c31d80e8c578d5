//! The optimiser.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Gradients, Tensor};

use crate::model::ParameterPath;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// AdamW ("Decoupled Weight Decay Regularization", Loshchilov and Hutter, arXiv 1711.05101), as torch has it.
///
/// Moments are kept by the path of a parameter, and only for parameters that have had a gradient: what is frozen has none. That makes
/// the state part of a checkpoint under names that outlive the process.
#[derive(Debug, Clone)]
pub struct AdamW {
    weight_decay: f64,
    pub(super) moments: BTreeMap<String, Moments>,
}

/// Of one parameter, flattened.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) first: Tensor<1>,
    pub(super) second: Tensor<1>,
    pub(super) steps: u32,
}

impl AdamW {
    /// Without moments. A weight decay of 0 makes it Adam.
    pub const fn new(weight_decay: f64) -> Self {
        Self { weight_decay, moments: BTreeMap::new() }
    }

    /// The parameters after a step along `gradients`.
    pub fn step<M: Module>(&mut self, module: M, gradients: &Gradients, rate: f64) -> M {
        module.map(&mut Step { optimizer: self, gradients, rate, path: ParameterPath::default() })
    }

    /// Paths of the parameters that have moments.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.moments.keys().map(String::as_str)
    }
}

struct Step<'a> {
    optimizer: &'a mut AdamW,
    gradients: &'a Gradients,
    rate: f64,
    path: ParameterPath,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.val().is_require_grad() {
            return param;
        }
        let Some(gradient) = param.val().grad(self.gradients) else { return param };
        let path = self.path.to_string();
        let change = self.optimizer.change(path, gradient.reshape([-1]));
        let (rate, decay) = (self.rate, self.rate * self.optimizer.weight_decay);
        param.map(|value| {
            let value = value.inner();
            let shape = value.dims();
            let value = value * (1.0 - decay) - change.reshape(shape) * rate;
            Tensor::from_inner(value).require_grad()
        })
    }
}

impl AdamW {
    /// The direction to step against.
    fn change(&mut self, path: String, gradient: Tensor<1>) -> Tensor<1> {
        let old = self.moments.remove(&path);
        let (first, second, steps) = match old {
            Some(Moments { first, second, steps }) => (
                first * BETA1 + gradient.clone() * (1.0 - BETA1),
                second * BETA2 + gradient.square() * (1.0 - BETA2),
                steps.saturating_add(1),
            ),
            None => (gradient.clone() * (1.0 - BETA1), gradient.square() * (1.0 - BETA2), 1),
        };
        let correction = |beta: f64| 1.0 - beta.powi(i32::try_from(steps).unwrap_or(i32::MAX));
        let spread = (second.clone() / correction(BETA2)).sqrt() + EPSILON;
        let change = first.clone() / correction(BETA1) / spread;
        self.moments.insert(path, Moments { first, second, steps });
        change
    }
}
