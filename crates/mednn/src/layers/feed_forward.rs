//! The token-wise network of a transformer block.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::ops::{Activation, activate, linear, linear_residual};

/// Sizes of a [`FeedForward`].
#[derive(Config, Debug)]
pub struct FeedForwardConfig {
    /// Width of the tokens.
    pub width: usize,
    /// Width between the two layers.
    pub hidden: usize,
    /// SwiGLU (Shazeer, arXiv 2002.05202) instead of GELU: the first layer makes a gate and a value of `hidden` each.
    #[config(default = false)]
    pub gated: bool,
}

/// Linear, exact GELU (or SwiGLU), linear.
#[derive(Module, Debug)]
pub struct FeedForward {
    input: Linear,
    output: Linear,
    gated: bool,
}

impl FeedForwardConfig {
    /// A layer with random weights.
    pub fn init(&self, device: &Device) -> FeedForward {
        let first = if self.gated { 2 * self.hidden } else { self.hidden };
        FeedForward {
            input: LinearConfig::new(self.width, first).init(device),
            output: LinearConfig::new(self.hidden, self.width).init(device),
            gated: self.gated,
        }
    }
}

impl FeedForward {
    /// # Shapes
    /// - `tokens` and output: `[batch, tokens, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        linear(self.hidden(tokens), &self.output, None)
    }

    /// `residual + scale * forward(tokens)`, with `scale` of `[width]`.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_residual(
        &self,
        tokens: Tensor<3>,
        scale: Option<Tensor<1>>,
        residual: Tensor<3>,
    ) -> Tensor<3> {
        linear_residual(self.hidden(tokens), &self.output, scale, residual)
    }

    fn hidden(&self, tokens: Tensor<3>) -> Tensor<3> {
        if self.gated {
            let [gate, value]: [Tensor<3>; 2] = halves(linear(tokens, &self.input, None));
            activate(gate, Activation::Silu) * value
        } else {
            linear(tokens, &self.input, Some(Activation::Gelu))
        }
    }
}

fn halves(x: Tensor<3>) -> [Tensor<3>; 2] {
    let half = x.dims()[2] / 2;
    [x.clone().narrow(2, 0, half), x.narrow(2, half, half)]
}
