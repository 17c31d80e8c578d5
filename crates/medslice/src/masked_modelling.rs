//! Masked embedding modelling: how the sequence model learns without labels.
//!
//! MS-VLM (arXiv 2412.13558) hides the features of some slices, zero in their place, and has the sequence model restore them
//! from the others: mean absolute error over the hidden slices.

use burn::tensor::{Bool, Tensor};

/// The share of slices that MS-VLM hides.
pub const MASK_PROBABILITY: f64 = 0.3;

/// Slice features with the hidden ones set to zero.
///
/// # Shapes
/// - `features` and output: `[batch, slices, width]`
/// - `hidden`: `[batch, slices]`, true where a slice is hidden
///
/// # Panics
/// On other shapes.
pub fn hide(features: Tensor<3>, hidden: Tensor<2, Bool>) -> Tensor<3> {
    let shape = features.dims();
    features.mask_fill(hidden.unsqueeze_dim::<3>(2).expand(shape), 0.0)
}

/// The sum of absolute errors of the hidden slices, over their number: `sum(|z - z'| m) / sum(m)`.
///
/// # Shapes
/// - `restored` and `features`: `[batch, slices, width]`
/// - `hidden`: `[batch, slices]`, true where a slice was hidden; at least one
/// - output: `[1]`
///
/// # Panics
/// On other shapes.
pub fn loss(restored: Tensor<3>, features: Tensor<3>, hidden: Tensor<2, Bool>) -> Tensor<1> {
    let weight = hidden.float().unsqueeze_dim::<3>(2);
    let error = ((restored - features).abs() * weight.clone()).sum();
    error / weight.sum()
}
