//! Functions of every element.

use burn::tensor::{Tensor, activation};

/// A function of every element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// x Φ(x), with the exact error function (Hendrycks and Gimpel, arXiv 1606.08415).
    Gelu,
    /// x σ(x)
    Silu,
    /// max(x, 0)
    Relu,
}

/// Applies an activation to every element.
pub fn activate<const D: usize>(x: Tensor<D>, function: Activation) -> Tensor<D> {
    #[cfg(feature = "kernels")]
    if super::kernels::usable(&x) {
        return super::kernels::activate(x, function);
    }
    match function {
        Activation::Gelu if x.device().is_autodiff() => exact_gelu(x),
        Activation::Gelu => activation::gelu(x),
        Activation::Silu => activation::silu(x),
        Activation::Relu => activation::relu(x),
    }
}

/// The exact GELU of every element.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activate(x, Activation::Gelu)
}

/// GELU out of operations whose gradients are exact. burn's own gradient of GELU is, on most backends, that of the tanh approximation,
/// which is off by up to a percent.
fn exact_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let cdf = ((x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    x * cdf
}
