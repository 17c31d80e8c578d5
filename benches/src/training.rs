//! A training step: forward, mean of the squared differences to fixed targets, backward, optimizer.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Gradients, Tensor};
use mednn::bridge::read_f32;
use mednn::optim::{AdamWConfig, SgdConfig};

use crate::error::{Error, Result};
use crate::laps::synchronize;
use crate::networks::{Network, Workload};

/// Size of a step.
pub const LEARNING_RATE: f64 = 1e-4;

/// What each kind of network is trained with: SGD with momentum for residual networks, AdamW with PyTorch's constants for transformers.
///
/// With fresh batch norms AdamW's first steps, of equal length for every parameter, would amplify roundings beyond comparing.
pub fn optimizer(network: Network) -> ModuleOptimizer {
    match network {
        Network::Resnet => SgdConfig::new().init(),
        _ => AdamWConfig::new().init(),
    }
}

/// A network on a device with autodiff, what it is to give, and the optimizer.
pub struct Trainer<M, I, const D: usize> {
    workload: Workload<M, I, D>,
    targets: Tensor<D>,
    optimizer: ModuleOptimizer,
}

impl<M: Module, I, const D: usize> Trainer<M, I, D> {
    /// Nothing is run yet.
    pub const fn new(workload: Workload<M, I, D>, targets: Tensor<D>, optimizer: ModuleOptimizer) -> Self {
        Self { workload, targets, optimizer }
    }

    /// One step; with the loss before it.
    ///
    /// # Errors
    /// [`Error::Unfit`] when the targets have another shape than the outputs; [`Error::Network`] when the device fails.
    pub fn step(self) -> Result<(Self, f32)> {
        let (loss, gradients) = self.gradients()?;
        Ok((self.descend(gradients)?, loss))
    }

    /// One step; with the loss before it, and the length of the gradient of all parameters.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn checked_step(self) -> Result<(Self, f32, f64)> {
        let (loss, gradients) = self.gradients()?;
        let mut norm = SquaredNorm { gradients: &gradients, sum: Ok(0.0) };
        self.workload.model.visit(&mut norm);
        let norm = norm.sum?.sqrt();
        Ok((self.descend(gradients)?, loss, norm))
    }

    fn gradients(&self) -> Result<(f32, Gradients)> {
        let output = self.workload.run()?;
        if output.dims() != self.targets.dims() {
            let (expected, found) = (format!("{:?}", output.dims()), format!("{:?}", self.targets.dims()));
            return Err(Error::Unfit { what: "targets", expected, found });
        }
        let difference = output - self.targets.clone();
        let loss = (difference.clone() * difference).mean();
        let gradients = loss.backward();
        let loss = read_f32(loss)?.first().copied().unwrap_or(f32::NAN);
        Ok((loss, gradients))
    }

    fn descend(mut self, gradients: Gradients) -> Result<Self> {
        let gradients = GradientsParams::from_grads(gradients, &self.workload.model);
        // The network moves through the optimizer: a copy would keep it from working in place.
        let model = self.optimizer.step(LEARNING_RATE, self.workload.model, gradients);
        synchronize(&self.targets.device())?;
        Ok(Self { workload: Workload { model, ..self.workload }, ..self })
    }
}

struct SquaredNorm<'a> {
    gradients: &'a Gradients,
    sum: Result<f64>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (Some(gradient), Ok(sum)) = (param.val().grad(self.gradients), &mut self.sum) else { return };
        match read_f32(gradient) {
            Ok(values) => *sum += values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>(),
            Err(error) => self.sum = Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::{Device, TensorData};

    fn trainer(network: Network) -> Trainer<Linear, Tensor<2>, 2> {
        let device = Device::flex().autodiff();
        let tensor = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values, shape), &device)
        };
        let mut model = LinearConfig::new(2, 1).with_bias(false).init(&device);
        model.weight = model.weight.map(|_| tensor(vec![1.0, 2.0], [2, 1]).require_grad());
        let input = tensor(vec![1.0, 1.0, 0.0, 1.0], [2, 2]);
        let forward = |model: &Linear, input: &Tensor<2>| Ok(model.forward(input.clone()));
        let workload = Workload { model, input, forward };
        Trainer::new(workload, tensor(vec![0.0, 0.0], [2, 1]), optimizer(network))
    }

    #[test]
    fn loss_and_gradient_are_those_by_hand() {
        // Outputs 3 and 2: mean of 9 and 4. Gradient: 3 and 3 + 2.
        let (trainer, loss, norm) = trainer(Network::Vit).checked_step().unwrap();
        assert!((loss - 6.5).abs() < 1e-6 && (norm - 34f64.sqrt()).abs() < 1e-6, "{loss} {norm}");
        // Adam's first step is the learning rate in each direction; the weights decay by a hundredth of it.
        let weights = read_f32(trainer.workload.model.weight.val()).unwrap();
        for (found, before) in weights.iter().zip([1.0, 2.0]) {
            let expected = before * (1.0 - 1e-6) - 1e-4;
            assert!((f64::from(*found) - expected).abs() < 3e-7, "{found} for {expected}");
        }
        assert!(trainer.step().unwrap().1 < loss);
    }

    #[test]
    fn residual_networks_go_along_the_gradient_and_keep_their_momentum() {
        let (trainer, _) = trainer(Network::Resnet).step().unwrap();
        let first = read_f32(trainer.workload.model.weight.val()).unwrap();
        let (trainer, _) = trainer.step().unwrap();
        let second = read_f32(trainer.workload.model.weight.val()).unwrap();
        // Gradients 3 and 5; the second step is nearly 1.9 times the first.
        for (i, (before, gradient)) in [(1.0, 3.0), (2.0, 5.0)].into_iter().enumerate() {
            let steps = [before - first[i], first[i] - second[i]];
            assert!((steps[0] - 1e-4 * gradient).abs() < 1e-6, "{steps:?}");
            assert!((steps[1] - 1.9e-4 * gradient).abs() < 3e-6, "{steps:?}");
        }
    }

    #[test]
    fn targets_of_another_shape_are_refused() {
        let Trainer { workload, .. } = trainer(Network::Vit);
        let targets = Tensor::<2>::zeros([3, 1], &Device::flex().autodiff());
        let found = Trainer::new(workload, targets, optimizer(Network::Vit)).step().map(|_| ());
        assert!(matches!(found, Err(Error::Unfit { what: "targets", .. })));
    }
}
