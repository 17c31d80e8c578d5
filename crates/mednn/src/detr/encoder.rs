//! The transformer encoder.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Bool, Device, Tensor};

use super::config::DetrTransformerConfig;
use super::feed_forward::DetrFeedForward;
use crate::layers::{CrossAttention, LayerNorm, LayerNormConfig, cross_padding_mask};

/// Self-attention and feed-forward network, each with a residual connection and a layer norm after it.
#[derive(Module, Debug)]
pub struct DetrEncoderLayer {
    attention: CrossAttention,
    attention_norm: LayerNorm,
    mlp: DetrFeedForward,
    mlp_norm: LayerNorm,
    dropout: Dropout,
}

impl DetrEncoderLayer {
    fn new(config: &DetrTransformerConfig, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(config.width).init(device);
        Self {
            attention: config.attention().init(device),
            attention_norm: norm(),
            mlp: DetrFeedForward::new(config, device),
            mlp_norm: norm(),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, length, width]`
    /// - `positions`: `[batch or 1, length, width]`
    /// - `mask`: `[batch, heads, length, length]`, true where a key is not to be seen
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(
        &self,
        tokens: Tensor<3>,
        positions: Tensor<3>,
        mask: Option<Tensor<4, Bool>>,
    ) -> Tensor<3> {
        let placed = tokens.clone() + positions;
        let attended = self.attention.forward(placed.clone(), placed, tokens.clone(), mask);
        let tokens = self.attention_norm.forward(tokens + self.dropout.forward(attended));
        let transformed = self.mlp.forward(tokens.clone());
        self.mlp_norm.forward(tokens + self.dropout.forward(transformed))
    }
}

/// Post-norm transformer layers whose positions are added to queries and keys in every layer; no norm after the last.
///
/// Made by [`DetrTransformerConfig::init_encoder`]. Over the tokens of an image it is DETR's encoder, over those of
/// text and image together TransVG's fusion and MDETR's encoder.
#[derive(Module, Debug)]
pub struct DetrEncoder {
    layers: Vec<DetrEncoderLayer>,
    heads: usize,
}

impl DetrEncoder {
    pub(super) fn new(config: &DetrTransformerConfig, device: &Device) -> Self {
        let layers = (0..config.num_layers).map(|_| DetrEncoderLayer::new(config, device)).collect();
        Self { layers, heads: config.heads }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, length, width]`
    /// - `positions`: `[batch or 1, length, width]`
    /// - `valid`: `[batch, length]`, true where a token is real; the others are computed but not seen, and mean
    ///   nothing. Each sequence needs at least one real token.
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(
        &self,
        tokens: Tensor<3>,
        positions: Tensor<3>,
        valid: Option<Tensor<2, Bool>>,
    ) -> Tensor<3> {
        let length = tokens.dims()[1];
        let mask = valid.map(|valid| cross_padding_mask(valid, self.heads, length));
        self.layers.iter().fold(tokens, |x, layer| layer.forward(x, positions.clone(), mask.clone()))
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[DetrEncoderLayer] {
        &self.layers
    }
}
