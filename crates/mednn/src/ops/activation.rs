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
        Activation::Gelu => activation::gelu(x),
        Activation::Silu => activation::silu(x),
        Activation::Relu => activation::relu(x),
    }
}

/// The exact GELU of every element.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activate(x, Activation::Gelu)
}
