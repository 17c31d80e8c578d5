//! Initial values, as the paper's code has them.

use crate::layers::{LayerNorm, LayerNormConfig};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::Device;

/// transformers builds every layer norm with torch's default, whatever `layer_norm_eps` a `config.json` names.
const LAYER_NORM_EPS: f64 = 1e-5;

/// Normal weights of standard deviation 0.02, no bias.
pub(crate) fn linear(from: usize, to: usize, device: &Device) -> Linear {
    let weights = Initializer::Normal { mean: 0.0, std: 0.02 };
    let mut layer = LinearConfig::new(from, to).with_initializer(weights).init(device);
    layer.bias = Some(Initializer::Zeros.init([to], device));
    layer
}

/// Normal weights of variance `2 / fan_out`; no bias at first, if there is one.
pub(crate) fn conv(config: Conv2dConfig, device: &Device) -> Conv2d {
    let to = config.channels[1];
    let weights = Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true };
    let mut layer = config.with_initializer(weights).init(device);
    layer.bias = layer.bias.map(|_| Initializer::Zeros.init([to], device));
    layer
}

pub(super) fn layer_norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).with_epsilon(LAYER_NORM_EPS).init(device)
}
