//! A vision transformer's blocks, operation by operation, with a stopwatch between the operations.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use mednn::VitConfig;
use mednn::layers::{LayerNorm, LayerNormConfig, multi_head_attention};
use mednn::ops::{Activation, activate, linear, linear_residual};
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
/// The linear layer after attention, with layer scale and residual.
pub const PROJECTION: &str = "output linear, residual";
/// The first linear layer of the feed-forward network, with GELU.
pub const MLP_IN: &str = "mlp linear 1, GELU";
/// The gate of SwiGLU, where there is one.
pub const GATE: &str = "SwiGLU gate";
/// The second linear layer of the feed-forward network, with layer scale and residual.
pub const MLP_OUT: &str = "mlp linear 2, residual";

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
        let Attention { query, key, value, heads, .. } = &self.attention;
        let [query, key, value] = [query, key, value].map(|layer| linear(normed.clone(), layer, None));
        drop(normed);
        laps.lap(QKV)?;
        let context = multi_head_attention(query, key, value, *heads, None);
        laps.lap(ATTENTION)?;
        let tokens = linear_residual(context, &self.attention.output, scale(self.scale1.as_ref()), tokens);
        laps.lap(PROJECTION)?;
        let normed = self.norm2.forward(tokens.clone());
        laps.lap(NORM)?;
        let hidden = self.mlp.hidden(normed, laps)?;
        let tokens = linear_residual(hidden, &self.mlp.output, scale(self.scale2.as_ref()), tokens);
        laps.lap(MLP_OUT)?;
        Ok(tokens)
    }
}

impl Mlp {
    fn hidden(&self, tokens: Tensor<3>, laps: &mut Laps) -> Result<Tensor<3>> {
        if !self.gated {
            let hidden = linear(tokens, &self.input, Some(Activation::Gelu));
            laps.lap(MLP_IN)?;
            return Ok(hidden);
        }
        let hidden = linear(tokens, &self.input, None);
        laps.lap(MLP_IN)?;
        let half = hidden.dims()[2] / 2;
        let gate = activate(hidden.clone().narrow(2, 0, half), Activation::Silu);
        let hidden = gate * hidden.narrow(2, half, half);
        laps.lap(GATE)?;
        Ok(hidden)
    }
}

fn scale(scale: Option<&Scale>) -> Option<Tensor<1>> {
    scale.map(|scale| scale.lambda1.val())
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
            let all = [NORM, QKV, ATTENTION, PROJECTION, MLP_IN, GATE, MLP_OUT];
            assert!(names.iter().eq(all.iter().filter(|&&name| gated || name != GATE)), "{names:?}");
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
