//! The transformer decoder.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Bool, Device, Tensor};

use super::config::DetrTransformerConfig;
use super::feed_forward::DetrFeedForward;
use crate::layers::{CrossAttention, LayerNorm, LayerNormConfig, cross_padding_mask};

/// What the queries of a decoder look at.
#[derive(Debug, Clone)]
pub struct DetrMemory {
    /// The encoder's output, `[batch, keys, width]`.
    pub tokens: Tensor<3>,
    /// Where the tokens are, `[batch or 1, keys, width]`.
    pub positions: Tensor<3>,
    /// `[batch, keys]`, true where a token is real.
    pub valid: Option<Tensor<2, Bool>>,
}

/// Self-attention of the queries, cross attention to the memory, feed-forward network; each with a residual connection
/// and a layer norm after it.
#[derive(Module, Debug)]
pub struct DetrDecoderLayer {
    self_attention: CrossAttention,
    self_attention_norm: LayerNorm,
    cross_attention: CrossAttention,
    cross_attention_norm: LayerNorm,
    mlp: DetrFeedForward,
    mlp_norm: LayerNorm,
    dropout: Dropout,
}

impl DetrDecoderLayer {
    fn new(config: &DetrTransformerConfig, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(config.width).init(device);
        Self {
            self_attention: config.attention().init(device),
            self_attention_norm: norm(),
            cross_attention: config.attention().init(device),
            cross_attention_norm: norm(),
            mlp: DetrFeedForward::new(config, device),
            mlp_norm: norm(),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    /// # Shapes
    /// - `queries` and output: `[batch, queries, width]`
    /// - `query_positions`: `[batch or 1, queries, width]`
    /// - `memory`: see [`DetrMemory`]
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, queries: Tensor<3>, query_positions: Tensor<3>, memory: &DetrMemory) -> Tensor<3> {
        let placed = queries.clone() + query_positions.clone();
        let attended = self.self_attention.forward(placed.clone(), placed, queries.clone(), None);
        let queries = self.self_attention_norm.forward(queries + self.dropout.forward(attended));

        let (heads, count) = (self.cross_attention.heads(), queries.dims()[1]);
        let mask = memory.valid.clone().map(|valid| cross_padding_mask(valid, heads, count));
        let keys = memory.tokens.clone() + memory.positions.clone();
        let placed = queries.clone() + query_positions;
        let attended = self.cross_attention.forward(placed, keys, memory.tokens.clone(), mask);
        let queries = self.cross_attention_norm.forward(queries + self.dropout.forward(attended));

        let transformed = self.mlp.forward(queries.clone());
        self.mlp_norm.forward(queries + self.dropout.forward(transformed))
    }
}

/// Post-norm decoder layers over a memory, and a layer norm on their output.
///
/// Made by [`DetrTransformerConfig::init_decoder`]. DETR starts from queries that are zero, and learns their positions.
#[derive(Module, Debug)]
pub struct DetrDecoder {
    layers: Vec<DetrDecoderLayer>,
    norm: LayerNorm,
}

impl DetrDecoder {
    pub(super) fn new(config: &DetrTransformerConfig, device: &Device) -> Self {
        Self {
            layers: (0..config.num_layers).map(|_| DetrDecoderLayer::new(config, device)).collect(),
            norm: LayerNormConfig::new(config.width).init(device),
        }
    }

    /// # Shapes
    /// - `queries` and output: `[batch, queries, width]`
    /// - `query_positions`: `[batch or 1, queries, width]`
    /// - `memory`: see [`DetrMemory`]
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, queries: Tensor<3>, query_positions: Tensor<3>, memory: &DetrMemory) -> Tensor<3> {
        let decode = |x, layer: &DetrDecoderLayer| layer.forward(x, query_positions.clone(), memory);
        self.norm.forward(self.layers.iter().fold(queries, decode))
    }

    /// The queries after each layer, first to last, each through the final layer norm: for auxiliary losses (section
    /// 3.2). The last is what [`forward`](Self::forward) gives.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_each(
        &self,
        mut queries: Tensor<3>,
        query_positions: Tensor<3>,
        memory: &DetrMemory,
    ) -> Vec<Tensor<3>> {
        let mut outputs = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            queries = layer.forward(queries, query_positions.clone(), memory);
            outputs.push(self.norm.forward(queries.clone()));
        }
        outputs
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[DetrDecoderLayer] {
        &self.layers
    }
}
