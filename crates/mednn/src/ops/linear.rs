//! Linear layers with what follows them.

use burn::nn::Linear;
use burn::tensor::Tensor;

use super::activation::{Activation, activate};

/// `activation(x W + b)`
///
/// # Shapes
/// - `x`: `[.., inputs]`; output: `[.., outputs]`
///
/// # Panics
/// On other shapes.
pub fn linear<const D: usize>(x: Tensor<D>, layer: &Linear, activation: Option<Activation>) -> Tensor<D> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) {
        return super::kernels::linear(x, layer, activation, None, None);
    }
    let y = layer.forward(x);
    match activation {
        Some(function) => activate(y, function),
        None => y,
    }
}

/// `residual + scale * (x W + b)`
///
/// # Shapes
/// - `x`: `[.., inputs]`; `residual` and output: `[.., outputs]`; `scale`: `[outputs]`
///
/// # Panics
/// On other shapes.
pub fn linear_residual<const D: usize>(
    x: Tensor<D>,
    layer: &Linear,
    scale: Option<Tensor<1>>,
    residual: Tensor<D>,
) -> Tensor<D> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) {
        return super::kernels::linear(x, layer, None, scale, Some(residual));
    }
    let y = layer.forward(x);
    residual
        + match scale {
            Some(scale) => y * scale.unsqueeze::<D>(),
            None => y,
        }
}
