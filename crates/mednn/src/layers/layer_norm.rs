//! Layer normalisation.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use crate::ops;

/// Sizes of a [`LayerNorm`].
#[derive(Config, Debug)]
pub struct LayerNormConfig {
    /// Width of what is normalised.
    pub width: usize,
    /// Added to the variance.
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// Whether something is added after the scale.
    #[config(default = true)]
    pub bias: bool,
}

/// Layer normalisation over the last axis (Ba et al., arXiv 1607.06450), by [`ops::layer_norm`].
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// Factors: `[width]`.
    pub gamma: Param<Tensor<1>>,
    /// Summands: `[width]`.
    pub beta: Option<Param<Tensor<1>>>,
    epsilon: f64,
}

impl LayerNormConfig {
    /// A layer that only normalises: factors 1, summands 0.
    pub fn init(&self, device: &Device) -> LayerNorm {
        LayerNorm {
            gamma: Initializer::Ones.init([self.width], device),
            beta: self.bias.then(|| Initializer::Zeros.init([self.width], device)),
            epsilon: self.epsilon,
        }
    }
}

impl LayerNorm {
    /// # Shapes
    /// - `x` and output: `[.., width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        ops::layer_norm(x, self.gamma.val(), self.beta.as_ref().map(|beta| beta.val()), self.epsilon)
    }
}
