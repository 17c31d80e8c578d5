//! Attention that places the prompts.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};
use mednn::ops::{Activation, linear};

/// Width of the prompt in widths inside the channel gate.
const REDUCTION: usize = 4;

/// Factors from 0 to 2 per channel and per token of a prompt.
///
/// Channels are weighted by what the prompt is like over the whole image ("Squeeze-and-Excitation Networks", arXiv 1709.01507, section 3),
/// tokens by what the prompt is like there. The last layers begin at zero, so that all factors begin at 1: training starts from
/// the prompts without a gate.
#[derive(Module, Debug)]
pub struct AttentionGate {
    squeeze: Linear,
    excite: Linear,
    place: Linear,
}

impl AttentionGate {
    pub(super) fn new(width: usize, device: &Device) -> Self {
        let inner = (width / REDUCTION).max(1);
        let zero = |from: usize, to: usize| {
            let mut layer = LinearConfig::new(from, to).with_initializer(Initializer::Zeros).init(device);
            layer.bias = Some(Initializer::Zeros.init([to], device));
            layer
        };
        Self {
            squeeze: LinearConfig::new(width, inner).init(device),
            excite: zero(inner, width),
            place: zero(width, 1),
        }
    }

    /// The prompt, weighted.
    ///
    /// # Shapes
    /// - `prompt` and output: `[batch, tokens, width]`
    ///
    /// # Panics
    /// On another width.
    pub fn forward(&self, prompt: Tensor<3>) -> Tensor<3> {
        let (channels, tokens) = self.factors(prompt.clone());
        prompt * channels * tokens
    }

    /// The factors of the channels `[batch, 1, width]` and of the tokens `[batch, tokens, 1]`.
    ///
    /// # Panics
    /// On another width.
    pub fn factors(&self, prompt: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let mean = prompt.clone().mean_dim(1);
        let squeezed = linear(mean, &self.squeeze, Some(Activation::Relu));
        let channels = activation::sigmoid(linear(squeezed, &self.excite, None)) * 2.0;
        let tokens = activation::sigmoid(linear(prompt, &self.place, None)) * 2.0;
        (channels, tokens)
    }
}
