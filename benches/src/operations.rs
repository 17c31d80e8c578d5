//! A vision transformer's blocks, operation by operation, with a stopwatch between the operations.

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, silu};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor};
use mednn::VitConfig;
use mednn::vit::VitFamily;
use mednn::weights::{self, Strictness, WeightSource};

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

/// The blocks of a vision transformer and its last norm, with the weights of a published one. Not with random weights: the time
/// of some operations, such as GELU, depends on the values.
///
/// Its fields are called as those of [`mednn::Vit`], so that the same [`KeyMap`](mednn::weights::KeyMap) fits.
#[derive(Module, Debug)]
pub struct Operations {
    blocks: Vec<Block>,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Block {
    norm1: LayerNorm,
    attention: Attention,
    scale1: Option<Scale>,
    norm2: LayerNorm,
    mlp: Mlp,
    scale2: Option<Scale>,
}

#[derive(Module, Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

#[derive(Module, Debug)]
struct Mlp {
    input: Linear,
    output: Linear,
    gated: bool,
}

#[derive(Module, Debug)]
struct Scale {
    lambda1: Param<Tensor<1>>,
}

impl Operations {
    /// From the weights of a published network.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) when some are missing.
    pub fn load(config: &VitConfig, source: &mut WeightSource, device: &Device) -> Result<Self> {
        // What is left over belongs to the embeddings.
        Ok(weights::load(Self::new(config, device), source, config.key_map(), Strictness::AllowUnused)?.0)
    }

    fn new(config: &VitConfig, device: &Device) -> Self {
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
        let projection = || LinearConfig::new(width, width).with_bias(config.qkv_bias).init(device);
        let scale = || {
            let ones = || Scale { lambda1: Initializer::Ones.init([width], device) };
            (config.family == VitFamily::Dinov2).then(ones)
        };
        Self {
            norm1: norm(config, device),
            attention: Attention {
                query: projection(),
                key: projection(),
                value: projection(),
                output: linear(width, width),
                heads: config.num_attention_heads,
            },
            scale1: scale(),
            norm2: norm(config, device),
            mlp: Mlp {
                input: linear(width, first),
                output: linear(hidden, width),
                gated: config.use_swiglu_ffn,
            },
            scale2: scale(),
        }
    }

    fn forward(&self, tokens: Tensor<3>, laps: &mut Laps) -> Result<Tensor<3>> {
        let normed = self.norm1.forward(tokens.clone());
        laps.lap(NORM)?;
        let Attention { query, key, value, .. } = &self.attention;
        let qkv = [query, key, value].map(|layer| layer.forward(normed.clone()));
        drop(normed);
        laps.lap(QKV)?;
        let context = self.attention.attend(qkv);
        laps.lap(ATTENTION)?;
        let attended = self.attention.output.forward(context);
        laps.lap(PROJECTION)?;
        let tokens = tokens + scaled(self.scale1.as_ref(), attended);
        laps.lap(RESIDUAL)?;
        let normed = self.norm2.forward(tokens.clone());
        laps.lap(NORM)?;
        let hidden = self.mlp.input.forward(normed);
        laps.lap(MLP_IN)?;
        let hidden = self.mlp.activate(hidden);
        laps.lap(ACTIVATION)?;
        let transformed = self.mlp.output.forward(hidden);
        laps.lap(MLP_OUT)?;
        let tokens = tokens + scaled(self.scale2.as_ref(), transformed);
        laps.lap(RESIDUAL)?;
        Ok(tokens)
    }
}

impl Attention {
    fn attend(&self, qkv: [Tensor<3>; 3]) -> Tensor<3> {
        let [batch, length, width] = qkv[0].dims();
        let split = |x: Tensor<3>| x.reshape([batch, length, self.heads, width / self.heads]).swap_dims(1, 2);
        let [query, key, value] = qkv.map(split);
        let context = attention(query, key, value, None, None, AttentionModuleOptions::default());
        context.swap_dims(1, 2).reshape([batch, length, width])
    }
}

impl Mlp {
    fn activate(&self, hidden: Tensor<3>) -> Tensor<3> {
        if !self.gated {
            return gelu(hidden);
        }
        let half = hidden.dims()[2] / 2;
        silu(hidden.clone().narrow(2, 0, half)) * hidden.narrow(2, half, half)
    }
}

fn scaled(scale: Option<&Scale>, x: Tensor<3>) -> Tensor<3> {
    match scale {
        Some(scale) => x * scale.lambda1.val().unsqueeze::<3>(),
        None => x,
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
    use burn::tensor::Distribution;
    use mednn::bridge::read_f32;
    use mednn::weights::{Precision, WeightWriter};

    #[test]
    fn operations_come_to_the_same_as_the_network_and_are_all_timed() {
        let device = Device::flex();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        for gated in [false, true] {
            let config = VitConfig::new(VitFamily::Dinov2, 24, 2, 2, 48, 28, 14).with_use_swiglu_ffn(gated);
            let vit = config.init(&device);
            let mut writer = WeightWriter::new(Precision::F32);
            writer.add("", &vit, config.key_map()).unwrap();
            writer.write(&path).unwrap();
            let mut source = WeightSource::open(&path).unwrap();
            let operations = Operations::load(&config, &mut source, &device).unwrap();
            let images = Tensor::random([2, 3, 28, 28], Distribution::Normal(0.0, 1.0), &device);
            let mut laps = Laps::start(&device).unwrap();
            let tokens = operations.forward(vit.embed(images.clone()).0, &mut laps).unwrap();
            let expected = read_f32(vit.forward(images).tokens()).unwrap();
            for (a, b) in read_f32(tokens).unwrap().into_iter().zip(expected) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
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
