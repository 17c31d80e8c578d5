//! Convolution of images as a product of matrices, and what else looks through a window.
//!
//! Images have their channels first, or last: the values of a pixel then lie next to each other, and nothing is packed but rows of them.

mod channels_last;
mod conv2d;
mod depthwise;
mod gradients;
mod patches;
mod pooling;
mod window;
mod winograd;

pub use channels_last::{PackedConv2d, conv2d_channels_last};
pub use conv2d::{Conv2d, conv2d};
pub use depthwise::depthwise_conv2d_channels_last;
pub use gradients::{conv2d_input_gradient, conv2d_weight_gradient};
pub use pooling::max_pool2d_channels_last;
