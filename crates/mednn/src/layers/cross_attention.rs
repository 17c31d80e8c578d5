//! Multi-head attention whose queries, keys and values come from separate tensors.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Tensor};

use crate::ops::{attention, linear};

/// Sizes of a [`CrossAttention`].
#[derive(Config, Debug)]
pub struct CrossAttentionConfig {
    /// Width of the tokens.
    pub width: usize,
    /// Number of heads; divides the width.
    pub heads: usize,
    /// Dropout on the attention weights, in training only.
    #[config(default = 0.0)]
    pub dropout: f64,
}

/// Multi-head attention ("Attention Is All You Need", section 3.2) with separate queries, keys and values: cross
/// attention, and self-attention where positions are added to queries and keys alone.
///
/// Goes through [`attention`], which does not keep the matrix of weights. Only training with dropout on the
/// weights needs the matrix, and makes it.
#[derive(Module, Debug)]
pub struct CrossAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    dropout: Dropout,
    heads: usize,
}

impl CrossAttentionConfig {
    /// A layer with random weights (Glorot's uniform distribution, as DETR has it).
    pub fn init(&self, device: &Device) -> CrossAttention {
        let projection = || {
            LinearConfig::new(self.width, self.width)
                .with_initializer(Initializer::XavierUniform { gain: 1.0 })
                .init(device)
        };
        CrossAttention {
            query: projection(),
            key: projection(),
            value: projection(),
            output: projection(),
            dropout: DropoutConfig::new(self.dropout).init(),
            heads: self.heads,
        }
    }
}

impl CrossAttention {
    /// Attends from every query to every key that is not masked, and takes the values that go with the keys.
    ///
    /// # Shapes
    /// - `query` and output: `[batch, queries, width]`
    /// - `key`, `value`: `[batch, keys, width]`
    /// - `mask`: `[batch, heads, queries, keys]`, true where a key is *not* to be seen; see [`cross_padding_mask`]
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(
        &self,
        query: Tensor<3>,
        key: Tensor<3>,
        value: Tensor<3>,
        mask: Option<Tensor<4, Bool>>,
    ) -> Tensor<3> {
        let [batch, length, width] = query.dims();
        let query = self.split(linear(query, &self.query, None));
        let key = self.split(linear(key, &self.key, None));
        let value = self.split(linear(value, &self.value, None));
        let context = if self.drops_weights(&query) {
            self.dropped_attention(query, key, value, mask)
        } else {
            attention(query, key, value, mask)
        };
        linear(context.swap_dims(1, 2).reshape([batch, length, width]), &self.output, None)
    }

    /// Number of heads.
    pub const fn heads(&self) -> usize {
        self.heads
    }

    /// `[batch, tokens, width]` to `[batch, heads, tokens, width / heads]`.
    fn split(&self, tokens: Tensor<3>) -> Tensor<4> {
        let [batch, length, width] = tokens.dims();
        tokens.reshape([batch, length, self.heads, width / self.heads]).swap_dims(1, 2)
    }

    fn drops_weights(&self, query: &Tensor<4>) -> bool {
        self.dropout.prob > 0.0 && self.dropout.training.is_enabled() && query.device().is_autodiff()
    }

    /// The same with some weights left out, which the fused operation cannot do.
    fn dropped_attention(
        &self,
        query: Tensor<4>,
        key: Tensor<4>,
        value: Tensor<4>,
        mask: Option<Tensor<4, Bool>>,
    ) -> Tensor<4> {
        let head_width = query.dims()[3];
        let scores = query.matmul(key.swap_dims(2, 3)) / (head_width as f64).sqrt();
        // Finite, so that a row without any key stays finite too.
        let scores = match mask {
            Some(mask) => scores.mask_fill(mask, -1e30),
            None => scores,
        };
        self.dropout.forward(softmax(scores, 3)).matmul(value)
    }
}

/// The attention mask of padded keys: no query sees a padded one.
///
/// # Shapes
/// - `valid`: `[batch, keys]`, true where a key is real
/// - output: `[batch, heads, queries, keys]`, true where a key is padding
pub fn cross_padding_mask(valid: Tensor<2, Bool>, heads: usize, queries: usize) -> Tensor<4, Bool> {
    let [batch, keys] = valid.dims();
    valid.bool_not().reshape([batch, 1, 1, keys]).expand([batch, heads, queries, keys])
}
