//! Multi-head self-attention.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Bool, Device, Tensor};

use crate::ops::{attention, linear, linear_residual};

/// Sizes of a [`SelfAttention`].
#[derive(Config, Debug)]
pub struct SelfAttentionConfig {
    /// Width of the tokens.
    pub width: usize,
    /// Number of heads; divides the width.
    pub heads: usize,
    /// Whether query, key and value have biases.
    #[config(default = true)]
    pub qkv_bias: bool,
}

/// Multi-head self-attention ("Attention Is All You Need", section 3.2).
///
/// burn's own `MultiHeadAttention` stores the full matrix of weights; this one goes through [`attention`], which does not.
#[derive(Module, Debug)]
pub struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

impl SelfAttentionConfig {
    /// A layer with random weights.
    pub fn init(&self, device: &Device) -> SelfAttention {
        let projection = || LinearConfig::new(self.width, self.width).with_bias(self.qkv_bias).init(device);
        SelfAttention {
            query: projection(),
            key: projection(),
            value: projection(),
            output: LinearConfig::new(self.width, self.width).init(device),
            heads: self.heads,
        }
    }
}

impl SelfAttention {
    /// Attends from every token to every token that is not masked.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, tokens, width]`
    /// - `mask`: `[batch, heads, tokens, tokens]`, true where a key is *not* to be seen; see [`key_padding_mask`]
    /// - output: `[batch, tokens, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>, mask: Option<Tensor<4, Bool>>) -> Tensor<3> {
        linear(self.context(tokens, mask), &self.output, None)
    }

    /// `residual + scale * forward(tokens, mask)`, with `scale` of `[width]`.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_residual(
        &self,
        tokens: Tensor<3>,
        mask: Option<Tensor<4, Bool>>,
        scale: Option<Tensor<1>>,
        residual: Tensor<3>,
    ) -> Tensor<3> {
        linear_residual(self.context(tokens, mask), &self.output, scale, residual)
    }

    fn context(&self, tokens: Tensor<3>, mask: Option<Tensor<4, Bool>>) -> Tensor<3> {
        let query = linear(tokens.clone(), &self.query, None);
        let key = linear(tokens.clone(), &self.key, None);
        let value = linear(tokens, &self.value, None);
        multi_head_attention(query, key, value, self.heads, mask)
    }

    /// Number of heads.
    pub const fn heads(&self) -> usize {
        self.heads
    }
}

/// Scaled dot-product attention in `heads` parts of the width ("Attention Is All You Need", sections 3.2.1 and 3.2.2), without the
/// projections around it. All models of this crate attend through here.
///
/// # Shapes
/// - `query`: `[batch, queries, width]`
/// - `key` and `value`: `[batch, keys, width]`
/// - `mask`: `[batch, heads, queries, keys]`, true where a key is *not* to be seen
/// - output: `[batch, queries, width]`
///
/// # Panics
/// On other shapes, and when `heads` does not divide the width.
pub fn multi_head_attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    heads: usize,
    mask: Option<Tensor<4, Bool>>,
) -> Tensor<3> {
    let [batch, queries, width] = query.dims();
    let split = |x: Tensor<3>| {
        let length = x.dims()[1];
        x.reshape([batch, length, heads, width / heads]).swap_dims(1, 2)
    };
    let (query, key, value) = (split(query), split(key), split(value));
    let context = attention(query, key, value, mask);
    context.swap_dims(1, 2).reshape([batch, queries, width])
}

/// The attention mask of a padded batch: no token sees a padded one.
///
/// # Shapes
/// - `valid`: `[batch, tokens]`, true where a token is real
/// - output: `[batch, heads, tokens, tokens]`, true where a key is padding
pub fn key_padding_mask(valid: Tensor<2, Bool>, heads: usize) -> Tensor<4, Bool> {
    let [batch, length] = valid.dims();
    // Not `expand`: backends would copy a view anew in every layer.
    valid.bool_not().reshape([batch, 1, 1, length]).repeat(&[1, heads, length, 1])
}
