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
    linear_with(x, layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()), activation)
}

/// [`linear`] with a weight and a bias that are no layer's own.
///
/// # Shapes
/// - `x`: `[.., inputs]`; `weight`: `[inputs, outputs]`; `bias`: `[outputs]`; output: `[.., outputs]`
///
/// # Panics
/// On other shapes.
pub fn linear_with<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Option<Activation>,
) -> Tensor<D> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) {
        return super::kernels::linear(x, weight, bias, activation, None, None);
    }
    let y = burn::tensor::module::linear(x, weight, bias);
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
        let bias = layer.bias.as_ref().map(|bias| bias.val());
        return super::kernels::linear(x, layer.weight.val(), bias, None, scale, Some(residual));
    }
    let y = layer.forward(x);
    residual
        + match scale {
            Some(scale) => y * scale.unsqueeze::<D>(),
            None => y,
        }
}
