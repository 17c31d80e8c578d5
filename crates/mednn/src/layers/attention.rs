//! Multi-head self-attention around burn's fused kernel.

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor};

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
/// burn's own `MultiHeadAttention` stores the full matrix of weights; this one goes through the fused operation, which
/// does not.
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
        let [batch, length, width] = tokens.dims();
        let split = |x: Tensor<3>| x.reshape([batch, length, self.heads, width / self.heads]).swap_dims(1, 2);
        let query = split(self.query.forward(tokens.clone()));
        let key = split(self.key.forward(tokens.clone()));
        let value = split(self.value.forward(tokens));
        let context = attention(query, key, value, mask, None, AttentionModuleOptions::default());
        self.output.forward(context.swap_dims(1, 2).reshape([batch, length, width]))
    }

    /// Number of heads.
    pub const fn heads(&self) -> usize {
        self.heads
    }
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
