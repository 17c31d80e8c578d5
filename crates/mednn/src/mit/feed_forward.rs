//! The token-wise network with a look at the neighbours.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use super::config::MitConfig;
use super::initial::{conv, linear};
use crate::layers::{linear_from_channels, linear_to_channels, map_to_tokens, tokens_to_map};
use crate::ops::{self, Activation, depthwise_conv2d, gelu, kernels_infer};

/// Linear, depthwise 3x3 convolution, GELU, linear (section 3.1, "Mix-FFN", equation 3). The convolution is what tells
/// tokens where they are: its padding with zeros leaks the position.
#[derive(Module, Debug)]
pub struct MixFeedForward {
    input: Linear,
    depthwise: Conv2d,
    output: Linear,
    dropout: Dropout,
}

impl MixFeedForward {
    pub(super) fn new(config: &MitConfig, stage: usize, device: &Device) -> Self {
        let width = config.hidden_sizes[stage];
        let hidden = width * config.mlp_ratios[stage];
        let depthwise = Conv2dConfig::new([hidden; 2], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_groups(hidden);
        Self {
            input: linear(width, hidden, device),
            depthwise: conv(depthwise, device),
            output: linear(hidden, width, device),
            dropout: DropoutConfig::new(config.hidden_dropout_prob).init(),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, rows * columns, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>, grid: [usize; 2]) -> Tensor<3> {
        if kernels_infer(&tokens) {
            let hidden = tokens_to_map(ops::linear(tokens, &self.input, None), grid);
            let (hidden, _) =
                map_to_tokens(depthwise_conv2d(hidden, &self.depthwise, Some(Activation::Gelu)));
            return ops::linear(hidden, &self.output, None);
        }
        // The convolution reads and writes channels first: the linear layers around it take and give that order, and nothing is
        // transposed in memory.
        let hidden = linear_to_channels(&self.input, tokens);
        let [batch, width, length] = hidden.dims();
        let hidden = self.depthwise.forward(hidden.reshape([batch, width, grid[0], grid[1]]));
        let hidden = self.dropout.forward(gelu(hidden)).reshape([batch, width, length]);
        self.dropout.forward(linear_from_channels(&self.output, hidden))
    }
}
