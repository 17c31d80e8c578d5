//! AdamW for trainers whose checkpoints outlive the ids of parameters.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Gradients, Tensor};

use super::adamw::{AdamW, Moments};

/// [`AdamW`] on a module, whose moments are kept by the path of a parameter in it, such as `blocks.0.mlp.weight`: ids of parameters are others in the
/// next process.
///
/// Only parameters that have had a gradient have moments: what is frozen has none.
#[derive(Debug, Clone)]
pub struct AdamWByPath {
    adamw: AdamW,
    moments: BTreeMap<String, Moments<1>>,
}

impl AdamWByPath {
    /// Without moments.
    pub const fn new(adamw: AdamW) -> Self {
        Self { adamw, moments: BTreeMap::new() }
    }

    /// The module after a step of all parameters that have a gradient. `rate` gives the learning rate of a path.
    ///
    /// On the CPU the values of a parameter are changed where they are, unless the module has clones.
    pub fn step<M: Module>(&mut self, module: M, gradients: &Gradients, rate: impl Fn(&str) -> f64) -> M {
        module.map(&mut Step { optimizer: self, gradients, rate, path: Vec::new() })
    }

    /// As [`step`](Self::step), of a module that the caller cannot give away.
    pub fn step_in_place<M: Module>(
        &mut self,
        module: &mut M,
        gradients: &Gradients,
        rate: impl Fn(&str) -> f64,
    ) {
        let whole = module.clone();
        *module = whole.clone().map(&mut Emptied);
        *module = self.step(whole, gradients, rate);
    }

    /// What is remembered of each parameter, its values in one row, by path.
    pub fn moments(&self) -> impl Iterator<Item = (&str, &Moments<1>)> {
        self.moments.iter().map(|(path, moments)| (path.as_str(), moments))
    }

    /// Puts the moments of a parameter back; see [`moments`](Self::moments). Those that do not have as many values as their parameter are left out in
    /// its next step, which is then its first.
    pub fn set_moments(&mut self, path: impl Into<String>, moments: Moments<1>) {
        self.moments.insert(path.into(), moments);
    }
}

/// Takes the values away, so that those of another module are held by nobody else.
struct Emptied;

impl ModuleMapper for Emptied {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| Tensor::empty([0; D], &value.device()))
    }
}

struct Step<'a, F> {
    optimizer: &'a mut AdamWByPath,
    gradients: &'a Gradients,
    rate: F,
    path: Vec<String>,
}

impl<F: Fn(&str) -> f64> ModuleMapper for Step<'_, F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.val().is_require_grad() {
            return param;
        }
        let Some(gradient) = param.val().grad(self.gradients) else { return param };
        let path = self.path.join(".");
        let rate = (self.rate)(&path);
        param.map(|value| {
            let value = value.inner();
            let shape = value.dims();
            let (value, gradient) = (value.reshape([-1]), gradient.inner().reshape([-1]));
            let old = self.optimizer.moments.remove(&path).filter(|old| old.first.dims() == value.dims());
            let (value, new) = self.optimizer.adamw.update(rate, value, gradient, old);
            self.optimizer.moments.insert(path, new);
            Tensor::from_inner(value.reshape(shape)).require_grad()
        })
    }
}
