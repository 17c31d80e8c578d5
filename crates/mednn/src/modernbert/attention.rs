//! Self-attention with rotary positions.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::config::ModernBertConfig;
use super::model::AttentionContext;
use crate::ops;

/// Multi-head self-attention whose queries and keys are turned by their positions. One layer makes queries, keys and values.
#[derive(Module, Debug)]
pub struct RotaryAttention {
    qkv: Linear,
    output: Linear,
    heads: usize,
    local: bool,
}

impl RotaryAttention {
    pub(super) fn new(config: &ModernBertConfig, local: bool, device: &Device) -> Self {
        let width = config.hidden_size;
        let linear = |to| LinearConfig::new(width, to).with_bias(config.attention_bias).init(device);
        Self { qkv: linear(3 * width), output: linear(width), heads: config.num_attention_heads, local }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, length, width]`
    ///
    /// # Panics
    /// On other shapes than those that `context` was made for.
    pub fn forward(&self, tokens: Tensor<3>, context: &AttentionContext) -> Tensor<3> {
        let [batch, length, width] = tokens.dims();
        let head = width / self.heads;
        let qkv = ops::linear(tokens, &self.qkv, None).reshape([batch, length, 3, self.heads, head]);
        let turned = context.rotary(self.local).turn(qkv.clone().narrow(2, 0, 2));
        let part = |x: Tensor<5>, at| x.narrow(2, at, 1).reshape([batch, length, self.heads, head]);
        let (query, key, value) = (part(turned.clone(), 0), part(turned, 1), part(qkv, 2));
        let attended = match context.window(self.local) {
            Some(window) => window.attend(query, key, value),
            None => {
                let by_head = |x: Tensor<4>| x.swap_dims(1, 2);
                let (query, key, value) = (by_head(query), by_head(key), by_head(value));
                by_head(ops::attention(query, key, value, context.mask()))
            }
        };
        ops::linear(attended.reshape([batch, length, width]), &self.output, None)
    }

    /// Whether tokens see a window around them only.
    pub const fn is_local(&self) -> bool {
        self.local
    }
}
