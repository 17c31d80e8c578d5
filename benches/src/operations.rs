//! A vision transformer's blocks, operation by operation, with a stopwatch between the operations.

use burn::module::{Initializer, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, silu};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor};
use mednn::VitConfig;
use mednn::vit::VitFamily;

use crate::error::Result;
use crate::laps::Laps;

/// Patches, class token, positions: timed on the model itself.
pub const EMBED: &str = "patch embedding";
/// Both layer norms of each block and the last one.
pub const NORM: &str = "layer norm";
/// Query, key and value.
pub const QKV: &str = "qkv linear";
/// Splitting into heads, scaled dot product attention, joining heads.
pub const ATTENTION: &str = "attention";
/// The linear layer after attention.
pub const PROJECTION: &str = "output linear";
/// The first linear layer of the feed-forward network.
pub const MLP_IN: &str = "mlp linear 1";
/// GELU, or the gate of SwiGLU.
pub const ACTIVATION: &str = "GELU";
/// The second linear layer of the feed-forward network.
pub const MLP_OUT: &str = "mlp linear 2";
/// Layer scale and residual connections.
pub const RESIDUAL: &str = "layer scale, residual";

/// The blocks of a vision transformer of some configuration, with random weights: time does not depend on their values.
#[derive(Debug)]
pub struct Operations {
    blocks: Vec<Block>,
    norm: LayerNorm,
}

#[derive(Debug)]
struct Block {
    heads: usize,
    gated: bool,
    norm: [LayerNorm; 2],
    qkv: [Linear; 3],
    projection: Linear,
    mlp: [Linear; 2],
    scale: Option<[Param<Tensor<1>>; 2]>,
}

impl Operations {
    /// As the configuration says.
    pub fn new(config: &VitConfig, device: &Device) -> Self {
        let blocks = (0..config.num_hidden_layers).map(|_| Block::new(config, device)).collect();
        Self { blocks, norm: norm(config, device) }
    }

    /// Runs all blocks and the last norm.
    ///
    /// # Shapes
    /// - `tokens` and output: `[batch, tokens, width]`
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when the device fails.
    pub fn forward(&self, tokens: Tensor<3>, laps: &mut Laps) -> Result<Tensor<3>> {
        let mut tokens = tokens;
        for block in &self.blocks {
            tokens = block.forward(tokens, laps)?;
        }
        let tokens = self.norm.forward(tokens);
        laps.lap(NORM)?;
        Ok(tokens)
    }
}

impl Block {
    fn new(config: &VitConfig, device: &Device) -> Self {
        let (width, hidden) = (config.hidden_size, config.intermediate_size);
        let first = if config.use_swiglu_ffn { 2 * hidden } else { hidden };
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        let scale = || Initializer::Ones.init([width], device);
        Self {
            heads: config.num_attention_heads,
            gated: config.use_swiglu_ffn,
            norm: [norm(config, device), norm(config, device)],
            qkv: std::array::from_fn(|_| {
                LinearConfig::new(width, width).with_bias(config.qkv_bias).init(device)
            }),
            projection: linear(width, width),
            mlp: [linear(width, first), linear(hidden, width)],
            scale: (config.family == VitFamily::Dinov2).then(|| [scale(), scale()]),
        }
    }

    fn forward(&self, tokens: Tensor<3>, laps: &mut Laps) -> Result<Tensor<3>> {
        let normed = self.norm[0].forward(tokens.clone());
        laps.lap(NORM)?;
        let [query, key, value] = self.qkv.each_ref().map(|layer| layer.forward(normed.clone()));
        drop(normed);
        laps.lap(QKV)?;
        let context = self.attend([query, key, value]);
        laps.lap(ATTENTION)?;
        let attended = self.projection.forward(context);
        laps.lap(PROJECTION)?;
        let tokens = tokens + self.scaled(0, attended);
        laps.lap(RESIDUAL)?;
        let normed = self.norm[1].forward(tokens.clone());
        laps.lap(NORM)?;
        let hidden = self.mlp[0].forward(normed);
        laps.lap(MLP_IN)?;
        let hidden = self.activate(hidden);
        laps.lap(ACTIVATION)?;
        let transformed = self.mlp[1].forward(hidden);
        laps.lap(MLP_OUT)?;
        let tokens = tokens + self.scaled(1, transformed);
        laps.lap(RESIDUAL)?;
        Ok(tokens)
    }

    fn attend(&self, qkv: [Tensor<3>; 3]) -> Tensor<3> {
        let [batch, length, width] = qkv[0].dims();
        let split = |x: Tensor<3>| x.reshape([batch, length, self.heads, width / self.heads]).swap_dims(1, 2);
        let [query, key, value] = qkv.map(split);
        let context = attention(query, key, value, None, None, AttentionModuleOptions::default());
        context.swap_dims(1, 2).reshape([batch, length, width])
    }

    fn activate(&self, hidden: Tensor<3>) -> Tensor<3> {
        if !self.gated {
            return gelu(hidden);
        }
        let half = hidden.dims()[2] / 2;
        silu(hidden.clone().narrow(2, 0, half)) * hidden.narrow(2, half, half)
    }

    fn scaled(&self, branch: usize, x: Tensor<3>) -> Tensor<3> {
        match &self.scale {
            Some(scale) => x * scale[branch].val().unsqueeze::<3>(),
            None => x,
        }
    }
}

fn norm(config: &VitConfig, device: &Device) -> LayerNorm {
    LayerNormConfig::new(config.hidden_size).with_epsilon(config.layer_norm_eps).init(device)
}

/// Floating-point operations of one kind in one forward pass, a multiplication and an addition counted as two; none for the
/// kinds that are bound by memory.
pub fn flops(kind: &str, config: &VitConfig, batch: usize, tokens: usize) -> Option<f64> {
    let (width, hidden) = (config.hidden_size as f64, config.intermediate_size as f64);
    let (rows, layers) = ((batch * tokens) as f64, config.num_hidden_layers as f64);
    let first = if config.use_swiglu_ffn { 2.0 * hidden } else { hidden };
    let multiplications = match kind {
        QKV => 3.0 * width * width,
        ATTENTION => 2.0 * tokens as f64 * width,
        PROJECTION => width * width,
        MLP_IN => width * first,
        MLP_OUT => hidden * width,
        _ => return None,
    };
    Some(2.0 * rows * layers * multiplications)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_timed_and_shapes_are_kept() {
        let device = Device::flex();
        for gated in [false, true] {
            let config = VitConfig::new(VitFamily::Dinov2, 24, 2, 2, 48, 28, 14).with_use_swiglu_ffn(gated);
            let operations = Operations::new(&config, &device);
            let mut laps = Laps::start(&device).unwrap();
            let tokens = operations.forward(Tensor::ones([2, 5, 24], &device), &mut laps).unwrap();
            assert_eq!(tokens.dims(), [2, 5, 24]);
            let names: Vec<_> = laps.into_sums().into_iter().map(|(name, _)| name).collect();
            let all = [NORM, QKV, ATTENTION, PROJECTION, RESIDUAL, MLP_IN, ACTIVATION, MLP_OUT];
            assert_eq!(names, all);
        }
    }

    #[test]
    fn operations_are_counted() {
        let config = VitConfig::new(VitFamily::Dinov2, 10, 2, 2, 40, 28, 14);
        // 2 x rows x layers x (3 x 10 x 10).
        assert_eq!(flops(QKV, &config, 3, 5), Some(2.0 * 15.0 * 2.0 * 300.0));
        assert_eq!(flops(NORM, &config, 3, 5), None);
    }
}
