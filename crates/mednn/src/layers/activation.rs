//! Activations.

use burn::tensor::Tensor;
use burn::tensor::activation;

/// The exact GELU, `x * P(X <= x)` for a standard normal `X` (Hendrycks and Gimpel, arXiv 1606.08415). All models of this crate
/// call this one.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::gelu(x)
}
