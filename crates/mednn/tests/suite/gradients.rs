//! Gradients by the path of their parameter, and plain gradient descent.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use mednn::bridge::read_f32;

/// The gradient of each parameter that has one, by its path in the module.
pub(crate) fn by_path<M: Module>(module: &M, gradients: &Gradients) -> BTreeMap<String, Vec<f32>> {
    let mut collector = Collector { gradients, path: Vec::new(), found: BTreeMap::new() };
    module.visit(&mut collector);
    collector.found
}

/// One step of gradient descent.
pub(crate) fn descend<M: Module>(module: M, gradients: &Gradients, rate: f32) -> M {
    module.map(&mut Descent { gradients, rate })
}

struct Collector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.insert(self.path.join("."), read_f32(gradient).unwrap());
        }
    }
}

struct Descent<'a> {
    gradients: &'a Gradients,
    rate: f32,
}

impl ModuleMapper for Descent<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| match value.grad(self.gradients) {
            Some(gradient) => Tensor::from_inner(value.inner() - gradient.inner() * self.rate).require_grad(),
            None => value,
        })
    }
}
