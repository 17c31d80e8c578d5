//! Convolution of images as a product of matrices.

mod conv2d;
mod gradients;
mod patches;

pub use conv2d::{Conv2d, conv2d};
pub use gradients::{conv2d_input_gradient, conv2d_weight_gradient};
