//! Adam with decoupled weight decay.

use burn::config::Config;
use burn::optim::{AdamWState, AdaptiveMomentumState, LearningRate, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor};

/// Settings of [`AdamW`], by default those of PyTorch.
#[derive(Config, Debug, Copy, PartialEq)]
pub struct AdamWConfig {
    /// How much of the mean of gradients a step keeps.
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// How much of the mean of their squares a step keeps.
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// What is added to the root of the mean square.
    #[config(default = 1e-8)]
    pub epsilon: f64,
    /// Part of a parameter that a step takes away, over the learning rate. 0 makes it Adam.
    #[config(default = 0.01)]
    pub weight_decay: f64,
}

impl AdamWConfig {
    /// The optimiser of a single tensor, which [`ModuleOptimizer::with_group`] takes too.
    pub const fn build(&self) -> AdamW {
        AdamW { settings: *self }
    }

    /// The optimiser of a module.
    pub fn init(&self) -> ModuleOptimizer {
        self.build().into()
    }
}

/// AdamW ("Decoupled Weight Decay Regularization", Loshchilov and Hutter, arXiv 1711.05101), as PyTorch computes it.
///
/// Its records are those of burn's own AdamW: either goes on where the other stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    settings: AdamWConfig,
}

/// What [`AdamW`] remembers of a parameter, in the parameter's shape.
#[derive(Debug, Clone)]
pub struct Moments<const D: usize> {
    /// Mean of gradients, which began at zero.
    pub first: Tensor<D>,
    /// Mean of their squares, which began at zero.
    pub second: Tensor<D>,
    /// Steps so far.
    pub steps: u32,
}

impl AdamW {
    /// The settings.
    pub const fn config(&self) -> &AdamWConfig {
        &self.settings
    }

    /// A parameter after a step along `gradient`, and its moments; none before the first. Where there are no gradients of their own: on a device
    /// without autodiff.
    ///
    /// # Shapes
    /// - all tensors: that of the parameter
    ///
    /// # Panics
    /// On other shapes.
    pub fn update<const D: usize>(
        &self,
        rate: f64,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        moments: Option<Moments<D>>,
    ) -> (Tensor<D>, Moments<D>) {
        assert_eq!(gradient.dims(), parameter.dims(), "shapes of gradient and parameter");
        let zeros = || parameter.zeros_like();
        let moments = moments.unwrap_or_else(|| Moments { first: zeros(), second: zeros(), steps: 0 });
        assert_eq!(moments.first.dims(), parameter.dims(), "shapes of first moments and parameter");
        assert_eq!(moments.second.dims(), parameter.dims(), "shapes of second moments and parameter");
        let steps = moments.steps.saturating_add(1);
        let tensors = [parameter, gradient, moments.first, moments.second];
        let [parameter, first, second] = self.step_all(rate, steps, tensors);
        (parameter, Moments { first, second, steps })
    }

    /// Parameter, gradient and moments to parameter and moments after step `number`.
    fn step_all<const D: usize>(&self, rate: f64, number: u32, tensors: [Tensor<D>; 4]) -> [Tensor<D>; 3] {
        #[cfg(feature = "kernels")]
        if crate::ops::optimizer::takes(&tensors) {
            let AdamWConfig { beta_1, beta_2, epsilon, weight_decay } = self.settings;
            let kernel =
                medkernels::optimizer::AdamW { rate, betas: [beta_1, beta_2], epsilon, weight_decay };
            return crate::ops::optimizer::adamw(tensors, kernel, number);
        }
        self.step_by_operations(rate, number, tensors)
    }

    fn step_by_operations<const D: usize>(
        &self,
        rate: f64,
        number: u32,
        [parameter, gradient, first, second]: [Tensor<D>; 4],
    ) -> [Tensor<D>; 3] {
        let AdamWConfig { beta_1, beta_2, epsilon, weight_decay } = self.settings;
        let first = first.clone() + (gradient.clone() - first) * (1.0 - beta_1);
        let second = second * beta_2 + gradient.square() * (1.0 - beta_2);
        // What the means lack of those of gradients alone: they began at zero.
        let [lack_1, lack_2] = [beta_1, beta_2].map(|beta| 1.0 - beta.powf(f64::from(number)));
        let spread = second.clone().sqrt() / lack_2.sqrt() + epsilon;
        // Both ways that a parameter goes are added up before it is rounded: each may be below what it can resolve.
        let change = first.clone() / spread * (rate / lack_1) + parameter.clone() * (rate * weight_decay);
        [parameter - change, first, second]
    }
}

impl Optimizer for AdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        let moments = state.map(|AdamWState { momentum }| Moments {
            first: momentum.moment_1,
            second: momentum.moment_2,
            steps: u32::try_from(momentum.time).unwrap_or(u32::MAX),
        });
        let (parameter, Moments { first, second, steps }) = self.update(rate, parameter, gradient, moments);
        let state = AdaptiveMomentumState::new(steps as usize, first, second);
        (parameter, Some(AdamWState::new(state)))
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        AdamWState::new(state.momentum.to_device(device))
    }
}
