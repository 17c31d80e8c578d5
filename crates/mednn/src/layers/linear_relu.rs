//! Linear layer and ReLU in one call.

use burn::nn::Linear;
use burn::tensor::Tensor;

use crate::ops::{Activation, linear};

/// `relu(layer(x))`: the one place of this pair of operations.
///
/// # Shapes
/// - `x`: `[..., inputs]`; output: `[..., outputs]`
///
/// # Panics
/// On other shapes.
pub fn linear_relu<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    linear(x, layer, Some(Activation::Relu))
}
