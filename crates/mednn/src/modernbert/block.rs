//! One pre-norm transformer block.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::attention::RotaryAttention;
use super::config::ModernBertConfig;
use super::model::AttentionContext;
use crate::layers::LayerNorm;
use crate::ops::{gelu, linear, linear_residual};

/// Linear, GeGLU (Shazeer, arXiv 2002.05202), linear: the first layer makes what goes through GELU, then the gate.
#[derive(Module, Debug)]
pub struct GatedFeedForward {
    input: Linear,
    output: Linear,
}

impl GatedFeedForward {
    fn new(config: &ModernBertConfig, device: &Device) -> Self {
        let layer = |from, to| LinearConfig::new(from, to).with_bias(config.mlp_bias).init(device);
        let (width, hidden) = (config.hidden_size, config.intermediate_size);
        Self { input: layer(width, 2 * hidden), output: layer(hidden, width) }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, length, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        linear(self.hidden(tokens), &self.output, None)
    }

    /// `residual + forward(tokens)`
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_residual(&self, tokens: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        linear_residual(self.hidden(tokens), &self.output, None, residual)
    }

    fn hidden(&self, tokens: Tensor<3>) -> Tensor<3> {
        let both = linear(tokens, &self.input, None);
        let half = both.dims()[2] / 2;
        gelu(both.clone().narrow(2, 0, half)) * both.narrow(2, half, half)
    }
}

/// Layer norm (not in the first block, whose input is normalised), attention, layer norm, feed-forward network, each pair
/// with a residual connection.
#[derive(Module, Debug)]
pub struct ModernBertBlock {
    attention_norm: Option<LayerNorm>,
    attention: RotaryAttention,
    mlp_norm: LayerNorm,
    mlp: GatedFeedForward,
}

impl ModernBertBlock {
    pub(super) fn new(config: &ModernBertConfig, index: usize, device: &Device) -> Self {
        Self {
            attention_norm: (index > 0).then(|| config.norm(device)),
            attention: RotaryAttention::new(config, config.is_local(index), device),
            mlp_norm: config.norm(device),
            mlp: GatedFeedForward::new(config, device),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, length, width]`
    ///
    /// # Panics
    /// On other shapes than those that `context` was made for.
    pub fn forward(&self, tokens: Tensor<3>, context: &AttentionContext) -> Tensor<3> {
        let normalised = match &self.attention_norm {
            Some(norm) => norm.forward(tokens.clone()),
            None => tokens.clone(),
        };
        let tokens = tokens + self.attention.forward(normalised, context);
        self.mlp.forward_residual(self.mlp_norm.forward(tokens.clone()), tokens)
    }

    /// The attention.
    pub const fn attention(&self) -> &RotaryAttention {
        &self.attention
    }
}
