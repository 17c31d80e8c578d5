//! Stochastic depth.

use burn::config::Config;
use burn::module::{Flag, Module, Param};
use burn::tensor::{Distribution, Tensor};

/// How often a [`DropPath`] drops.
#[derive(Config, Debug)]
pub struct DropPathConfig {
    /// Probability of leaving a branch out; at least 0 and below 1.
    pub prob: f64,
}

/// Leaves a residual branch out for some samples of a batch, in training only ("Deep Networks with Stochastic Depth",
/// Huang et al., arXiv 1603.09382). The branches that stay are scaled by `1 / (1 - prob)`, so that the mean is kept.
#[derive(Module, Debug)]
pub struct DropPath {
    prob: f64,
    training: Param<Flag>,
}

impl DropPathConfig {
    /// A layer.
    pub fn init(&self) -> DropPath {
        DropPath { prob: self.prob, training: Param::from_bool(true) }
    }
}

impl DropPath {
    /// The branch as it is added to the stream. In training (on an autodiff device, unless frozen) all of a sample is
    /// zero with the probability that is configured.
    ///
    /// # Shapes
    /// - `branch` and output: `[batch, tokens, width]`
    pub fn forward(&self, branch: Tensor<3>) -> Tensor<3> {
        if self.prob == 0.0 || !self.training.is_enabled() || !branch.device().is_autodiff() {
            return branch;
        }
        let keep = 1.0 - self.prob;
        let batch = branch.dims()[0];
        let kept = Tensor::<3>::random([batch, 1, 1], Distribution::Bernoulli(keep), &branch.device());
        branch * (kept / keep)
    }

    /// Probability of leaving a branch out.
    pub const fn prob(&self) -> f64 {
        self.prob
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::read_f32;
    use burn::tensor::Device;

    fn dropped(layer: &DropPath, device: &Device) -> Vec<f32> {
        read_f32(layer.forward(Tensor::ones([400, 3, 2], device))).unwrap()
    }

    #[test]
    fn whole_samples_are_dropped_and_the_mean_is_kept() {
        let device = Device::flex().autodiff();
        device.seed(7);
        let values = dropped(&DropPathConfig::new(0.25).init(), &device);
        let mut kept = 0;
        for sample in values.chunks_exact(6) {
            assert!(sample.iter().all(|v| *v == sample[0]), "a sample is dropped as a whole");
            assert!(sample[0] == 0.0 || (sample[0] - 4.0 / 3.0).abs() < 1e-6, "{}", sample[0]);
            kept += usize::from(sample[0] != 0.0);
        }
        // 300 expected, standard deviation 8.7.
        assert!((255..=345).contains(&kept), "{kept} of 400");
    }

    #[test]
    fn nothing_is_dropped_outside_training() {
        let layer = DropPathConfig::new(0.9).init();
        assert!(dropped(&layer, &Device::flex()).iter().all(|v| *v == 1.0));
        let device = Device::flex().autodiff();
        assert!(dropped(&layer.freeze(), &device).iter().all(|v| *v == 1.0));
        assert!(dropped(&DropPathConfig::new(0.0).init(), &device).iter().all(|v| *v == 1.0));
    }
}
