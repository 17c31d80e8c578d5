//! One block of a stage.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};

use super::attention::EfficientAttention;
use super::config::MitConfig;
use super::feed_forward::MixFeedForward;
use super::initial::layer_norm;
use crate::layers::{DropPath, DropPathConfig, LayerNorm};

/// Layer norm, attention, layer norm, Mix-FFN, each pair with a residual connection that training drops at times.
#[derive(Module, Debug)]
pub struct MitBlock {
    norm1: LayerNorm,
    attention: EfficientAttention,
    dropout: Dropout,
    norm2: LayerNorm,
    mlp: MixFeedForward,
    drop_path: DropPath,
}

impl MitBlock {
    pub(super) fn new(config: &MitConfig, stage: usize, drop_path: f64, device: &Device) -> Self {
        let width = config.hidden_sizes[stage];
        Self {
            norm1: layer_norm(width, device),
            attention: EfficientAttention::new(config, stage, device),
            dropout: DropoutConfig::new(config.hidden_dropout_prob).init(),
            norm2: layer_norm(width, device),
            mlp: MixFeedForward::new(config, stage, device),
            drop_path: DropPathConfig::new(drop_path).init(),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, rows * columns, width]`
    /// - `grid`: `[rows, columns]`
    ///
    /// # Panics
    /// On other shapes, and on grids smaller than the spatial reduction of the stage.
    pub fn forward(&self, tokens: Tensor<3>, grid: [usize; 2]) -> Tensor<3> {
        let attended = self.attention.forward(self.norm1.forward(tokens.clone()), grid);
        let tokens = tokens + self.drop_path.forward(self.dropout.forward(attended));
        let transformed = self.mlp.forward(self.norm2.forward(tokens.clone()), grid);
        tokens + self.drop_path.forward(transformed)
    }

    /// The attention.
    pub const fn attention(&self) -> &EfficientAttention {
        &self.attention
    }

    /// The Mix-FFN.
    pub const fn mlp(&self) -> &MixFeedForward {
        &self.mlp
    }

    /// How training drops the residual branches.
    pub const fn drop_path(&self) -> &DropPath {
        &self.drop_path
    }
}
