//! Batch normalisation with what follows it.

use burn::nn::BatchNorm;
use burn::tensor::Tensor;

use super::activation::{Activation, activate};

/// `max(norm(x) + residual, 0)`, as far as asked for: the sum where there is a residual, the maximum with `relu`.
///
/// The norm is by the batch, and updates its running statistics, on a device with autodiff unless it is frozen; else by these, as burn's own
/// [`BatchNorm::forward`].
///
/// # Shapes
/// - `x`, `residual` and output: `[batch, channels, height, width]`
///
/// # Panics
/// On other shapes. Statistics of an empty batch are NaN, running ones then too.
pub fn batch_norm(x: Tensor<4>, norm: &BatchNorm, residual: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) && x.device().is_autodiff() && norm.training.is_enabled() {
        return super::kernels::batch_norm(x, norm, residual, relu);
    }
    let mut y = norm.forward(x);
    if let Some(residual) = residual {
        y = y + residual;
    }
    if relu { activate(y, Activation::Relu) } else { y }
}
