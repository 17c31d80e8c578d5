//! The token-wise network of a transformer block.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};

use super::activation::gelu;

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
        let hidden = self.input.forward(tokens);
        let hidden = if self.gated {
            let [gate, value]: [Tensor<3>; 2] = halves(hidden);
            silu(gate) * value
        } else {
            gelu(hidden)
        };
        self.output.forward(hidden)
    }
}

fn halves(x: Tensor<3>) -> [Tensor<3>; 2] {
    let half = x.dims()[2] / 2;
    [x.clone().narrow(2, 0, half), x.narrow(2, half, half)]
}
