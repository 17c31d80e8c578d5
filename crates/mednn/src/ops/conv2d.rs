//! Two-dimensional convolutions with what follows them.

use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use super::activation::{Activation, activate};

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
