//! Pooling of images.

use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;

/// The largest value within each window; NaN where it has one.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`; the output has a height and a width of its own
///
/// # Panics
/// On other shapes.
pub fn max_pool2d(x: Tensor<4>, layer: &MaxPool2d) -> Tensor<4> {
    #[cfg(feature = "kernels")]
    if super::kernels_infer(&x) && super::kernels::pools(layer) {
        return super::kernels::max_pool2d(x, layer);
    }
    layer.forward(x)
}
