//! Gradient descent with momentum.

use burn::config::Config;
use burn::optim::{LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

/// Settings of [`Sgd`].
#[derive(Config, Debug, Copy, PartialEq)]
pub struct SgdConfig {
    /// How much of the velocity a step keeps.
    #[config(default = 0.9)]
    pub momentum: f64,
    /// How much of the gradient does not join the velocity, from the second step on.
    #[config(default = 0.0)]
    pub dampening: f64,
    /// Whether the step looks ahead along the velocity (Nesterov).
    #[config(default = false)]
    pub nesterov: bool,
    /// What of a parameter is added to its gradient.
    #[config(default = 0.0)]
    pub weight_decay: f64,
}

impl SgdConfig {
    /// The optimiser of a single tensor, which [`ModuleOptimizer::with_group`] takes too.
    pub const fn build(&self) -> Sgd {
        Sgd { settings: *self }
    }

    /// The optimiser of a module.
    pub fn init(&self) -> ModuleOptimizer {
        self.build().into()
    }
}

/// Stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch computes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    settings: SgdConfig,
}

/// What [`Sgd`] remembers of a parameter. In records it stands where burn's own optimiser of this kind looks for it.
#[derive(Debug, Clone)]
pub struct SgdState<const D: usize> {
    /// Gradients so far, those long ago less.
    pub velocity: Tensor<D>,
}

/// The name of the velocity, behind that of the parameter.
const VELOCITY: &str = "momentum.velocity";

// By hand: burn's derive works in burn alone.
impl<const D: usize> RecordState for SgdState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, VELOCITY, self.velocity.clone().into_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let velocity = Tensor::from_data(source.take_tensor(prefix, VELOCITY)?, device);
        Some(Self { velocity })
    }
}

impl Sgd {
    /// The settings.
    pub const fn config(&self) -> &SgdConfig {
        &self.settings
    }

    /// Parameter, gradient and velocity to parameter and velocity after a step.
    fn step_all<const D: usize>(&self, rate: f64, dampening: f64, tensors: [Tensor<D>; 3]) -> [Tensor<D>; 2] {
        #[cfg(feature = "kernels")]
        if crate::ops::optimizer::takes(&tensors) {
            let SgdConfig { momentum, nesterov, weight_decay, .. } = self.settings;
            let kernel = medkernels::optimizer::Sgd { rate, momentum, dampening, nesterov, weight_decay };
            return crate::ops::optimizer::sgd(tensors, kernel);
        }
        self.step_by_operations(rate, dampening, tensors)
    }

    fn step_by_operations<const D: usize>(
        &self,
        rate: f64,
        dampening: f64,
        [parameter, gradient, velocity]: [Tensor<D>; 3],
    ) -> [Tensor<D>; 2] {
        let SgdConfig { momentum, nesterov, weight_decay, .. } = self.settings;
        let gradient =
            if weight_decay == 0.0 { gradient } else { gradient + parameter.clone() * weight_decay };
        let velocity = velocity * momentum + gradient.clone() * (1.0 - dampening);
        let along = if nesterov { gradient + velocity.clone() * momentum } else { velocity.clone() };
        [parameter - along * rate, velocity]
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<SgdState<D>>,
    ) -> (Tensor<D>, Option<SgdState<D>>) {
        // The first gradient is the velocity, whole.
        let (velocity, dampening) = match state {
            Some(state) => (state.velocity, self.settings.dampening),
            None => (parameter.zeros_like(), 0.0),
        };
        let [parameter, velocity] = self.step_all(rate, dampening, [parameter, gradient, velocity]);
        (parameter, Some(SgdState { velocity }))
    }

    fn to_device<const D: usize>(state: SgdState<D>, device: &Device) -> SgdState<D> {
        SgdState { velocity: state.velocity.to_device(device) }
    }
}
