//! One post-norm transformer block.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Bool, Device, Tensor};

use super::config::BertConfig;
use crate::layers::{
    FeedForward, FeedForwardConfig, LayerNorm, LayerNormConfig, SelfAttention, SelfAttentionConfig,
};

/// Attention and feed-forward network, each with a residual connection and a layer norm after it.
#[derive(Module, Debug)]
pub struct BertBlock {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    mlp: FeedForward,
    mlp_norm: LayerNorm,
    dropout: Dropout,
}

impl BertBlock {
    pub(crate) fn new(config: &BertConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let norm = || LayerNormConfig::new(width).with_epsilon(config.layer_norm_eps).init(device);
        Self {
            attention: SelfAttentionConfig::new(width, config.num_attention_heads).init(device),
            attention_norm: norm(),
            mlp: FeedForwardConfig::new(width, config.intermediate_size).init(device),
            mlp_norm: norm(),
            dropout: DropoutConfig::new(config.hidden_dropout_prob).init(),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, length, width]`
    /// - `mask`: `[batch, heads, length, length]`, true where a key is not to be seen
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>, mask: Option<Tensor<4, Bool>>) -> Tensor<3> {
        if !self.drops(&tokens) {
            let attended = self.attention.forward_residual(tokens.clone(), mask, None, tokens);
            let tokens = self.attention_norm.forward(attended);
            return self.mlp_norm.forward(self.mlp.forward_residual(tokens.clone(), None, tokens));
        }
        let attended = self.dropout.forward(self.attention.forward(tokens.clone(), mask));
        let tokens = self.attention_norm.forward(tokens + attended);
        let transformed = self.dropout.forward(self.mlp.forward(tokens.clone()));
        self.mlp_norm.forward(tokens + transformed)
    }

    /// Whether something comes between the branches and the residual connections.
    fn drops(&self, tokens: &Tensor<3>) -> bool {
        self.dropout.prob > 0.0 && tokens.device().is_autodiff()
    }

    /// Heads of the attention: those of the mask.
    pub const fn heads(&self) -> usize {
        self.attention.heads()
    }
}
