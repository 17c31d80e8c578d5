//! Two-dimensional convolutions with what follows them.

use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use super::activation::{Activation, activate};
#[cfg(feature = "kernels")]
use super::switch::kernels_infer;

/// `activation(conv(x) + b)`
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`; output: `[batch, outputs, height, width]`
///
/// # Panics
/// On other shapes.
pub fn conv2d(x: Tensor<4>, layer: &Conv2d, activation: Option<Activation>) -> Tensor<4> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) && super::kernels::convolves(layer) {
        return super::kernels::conv2d(x, layer, activation, None, false);
    }
    let y = layer.forward(x);
    match activation {
        Some(function) => activate(y, function),
        None => y,
    }
}

/// `max(residual + conv(x) + b, 0)`: the end of a block of a residual network (He et al., CVPR 2016, figure 2).
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`; `residual` and output: `[batch, outputs, height, width]`
///
/// # Panics
/// On other shapes.
pub fn conv2d_residual(x: Tensor<4>, layer: &Conv2d, residual: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) && super::kernels::convolves(layer) {
        return super::kernels::conv2d(x, layer, None, Some(residual), true);
    }
    activate(layer.forward(x) + residual, Activation::Relu)
}

/// `activation(conv(x) + b)` for a convolution that has as many groups as channels.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`; output: `[batch, channels, height, width]`
///
/// # Panics
/// On other shapes.
pub fn depthwise_conv2d(x: Tensor<4>, layer: &Conv2d, activation: Option<Activation>) -> Tensor<4> {
    #[cfg(feature = "kernels")]
    if kernels_infer(&x) && super::kernels::convolves_depthwise(layer) {
        return super::kernels::depthwise_conv2d(x, layer, activation);
    }
    let y = layer.forward(x);
    match activation {
        Some(function) => activate(y, function),
        None => y,
    }
}

/// The same images, with the channels of a pixel next to each other in memory where the kernels convolve these faster: in
/// inference. Convolutions and pooling then give the same order.
pub fn channels_last(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "kernels")]
    if kernels_infer(&x) {
        return super::kernels::channels_last(x);
    }
    x
}
