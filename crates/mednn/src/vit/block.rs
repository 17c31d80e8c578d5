//! One pre-norm transformer block.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::config::{VitConfig, VitFamily};
use crate::layers::{
    FeedForward, FeedForwardConfig, LayerNorm, LayerNormConfig, SelfAttention, SelfAttentionConfig,
};

/// A learned factor per channel on a residual branch (CaiT, Touvron et al., arXiv 2103.17239).
#[derive(Module, Debug)]
pub struct LayerScale {
    lambda1: Param<Tensor<1>>,
}

impl LayerScale {
    fn new(width: usize, device: &Device) -> Self {
        Self { lambda1: Initializer::Ones.init([width], device) }
    }

    fn factor(&self) -> Tensor<1> {
        self.lambda1.val()
    }
}

/// Layer norm, attention, layer norm, feed-forward network, each pair with a residual connection.
#[derive(Module, Debug)]
pub struct VitBlock {
    norm1: LayerNorm,
    attention: SelfAttention,
    scale1: Option<LayerScale>,
    norm2: LayerNorm,
    mlp: FeedForward,
    scale2: Option<LayerScale>,
}

impl VitBlock {
    pub(super) fn new(config: &VitConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let norm = || LayerNormConfig::new(width).with_epsilon(config.layer_norm_eps).init(device);
        let scale = || (config.family == VitFamily::Dinov2).then(|| LayerScale::new(width, device));
        Self {
            norm1: norm(),
            attention: SelfAttentionConfig::new(width, config.num_attention_heads)
                .with_qkv_bias(config.qkv_bias)
                .init(device),
            scale1: scale(),
            norm2: norm(),
            mlp: FeedForwardConfig::new(width, config.intermediate_size)
                .with_gated(config.use_swiglu_ffn)
                .init(device),
            scale2: scale(),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, tokens, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.norm1.forward(tokens.clone());
        let scale = self.scale1.as_ref().map(LayerScale::factor);
        let tokens = self.attention.forward_residual(normed, None, scale, tokens);
        let normed = self.norm2.forward(tokens.clone());
        let scale = self.scale2.as_ref().map(LayerScale::factor);
        self.mlp.forward_residual(normed, scale, tokens)
    }
}
