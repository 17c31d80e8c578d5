//! Self-attention whose keys are seen on a coarser grid.

use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};

use super::config::MitConfig;
use super::initial::{conv, layer_norm, linear};
use crate::layers::{LayerNorm, map_to_tokens, multi_head_attention, tokens_to_map};
use crate::ops;

/// Every `ratio` x `ratio` square of tokens becomes one, by a convolution without overlap and a layer norm (PVT, Wang et
/// al., arXiv 2102.12122; section 3.1, equation 2).
#[derive(Module, Debug)]
pub struct SpatialReduction {
    conv: Conv2d,
    norm: LayerNorm,
    ratio: usize,
}

impl SpatialReduction {
    fn new(width: usize, ratio: usize, device: &Device) -> Self {
        let config = Conv2dConfig::new([width; 2], [ratio; 2]).with_stride([ratio; 2]);
        Self { conv: conv(config, device), norm: layer_norm(width, device), ratio }
    }

    /// Rows and columns beyond the last whole square are dropped.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, rows * columns, width]`
    /// - output: `[batch, (rows / ratio) * (columns / ratio), width]`
    ///
    /// # Panics
    /// On other shapes, and on grids smaller than the ratio.
    pub fn forward(&self, tokens: Tensor<3>, grid: [usize; 2]) -> Tensor<3> {
        if ops::kernels_infer(&tokens) {
            let (reduced, _) = map_to_tokens(ops::conv2d(tokens_to_map(tokens, grid), &self.conv, None));
            return self.norm.forward(reduced);
        }
        // Squares do not overlap, so the convolution is a product of rows of `ratio * ratio * width` with its weights:
        // nothing is brought into the order of a feature map and back.
        let [batch, _, width] = tokens.dims();
        let r = self.ratio;
        let [rows, columns] = grid.map(|side| side / r);
        let squares = tokens
            .reshape([batch, grid[0], grid[1], width])
            .slice([0..batch, 0..rows * r, 0..columns * r, 0..width])
            .reshape([batch * rows, r, columns, r * width])
            .swap_dims(1, 2)
            .reshape([batch, rows * columns, r * r * width]);
        let weight = self.conv.weight.val().permute([2, 3, 1, 0]).reshape([r * r * width, width]);
        let bias = self.conv.bias.as_ref().map(|bias| bias.val());
        self.norm.forward(ops::linear_with(squares, weight, bias, None))
    }
}

/// Multi-head self-attention with spatially reduced keys and values: `tokens / ratio^2` keys instead of all.
#[derive(Module, Debug)]
pub struct EfficientAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    reduction: Option<SpatialReduction>,
    heads: usize,
}

impl EfficientAttention {
    pub(super) fn new(config: &MitConfig, stage: usize, device: &Device) -> Self {
        let width = config.hidden_sizes[stage];
        let ratio = config.sr_ratios[stage];
        let projection = || linear(width, width, device);
        Self {
            query: projection(),
            key: projection(),
            value: projection(),
            output: projection(),
            reduction: (ratio > 1).then(|| SpatialReduction::new(width, ratio, device)),
            heads: config.num_attention_heads[stage],
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, rows * columns, width]`
    ///
    /// # Panics
    /// On other shapes, and on grids smaller than the reduction.
    pub fn forward(&self, tokens: Tensor<3>, grid: [usize; 2]) -> Tensor<3> {
        let query = ops::linear(tokens.clone(), &self.query, None);
        let seen = match &self.reduction {
            Some(reduction) => reduction.forward(tokens, grid),
            None => tokens,
        };
        let key = ops::linear(seen.clone(), &self.key, None);
        let value = ops::linear(seen, &self.value, None);
        ops::linear(multi_head_attention(query, key, value, self.heads, None), &self.output, None)
    }

    /// The reduction of keys and values, in stages that have one.
    pub const fn reduction(&self) -> Option<&SpatialReduction> {
        self.reduction.as_ref()
    }
}
