//! The token-wise network of a DETR layer.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Tensor};

use super::config::DetrTransformerConfig;
use crate::layers::linear_relu;

/// Linear, ReLU, dropout, linear.
#[derive(Module, Debug)]
pub struct DetrFeedForward {
    input: Linear,
    output: Linear,
    dropout: Dropout,
}

impl DetrFeedForward {
    pub(super) fn new(config: &DetrTransformerConfig, device: &Device) -> Self {
        Self {
            input: config.linear(config.width, config.ffn).init(device),
            output: config.linear(config.ffn, config.width).init(device),
            dropout: DropoutConfig::new(config.activation_dropout).init(),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, tokens, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.output.forward(self.dropout.forward(linear_relu(&self.input, tokens)))
    }
}
