//! Operations of networks that have a faster form on the CPU.
//!
//! Each is one function on tensors. On burn's `flex` device with `f32` values it runs the kernels of `medkernels`, with gradients of their
//! own under autodiff; on every other device, without the Cargo feature `kernels`, and after
//! [`set_kernels_enabled`]`(false)`, it is made of burn's own operations. Both give the same values to rounding.
//!
//! | operation | faster form |
//! |---|---|
//! | [`linear`], [`linear_residual`] | one product of matrices, with bias, activation, scale and residual applied before it is written |
//! | [`attention`] | the scores of a few queries at a time, forward and backward |
//! | [`conv2d`], [`conv2d_residual`] | a product of matrices that gathers what the kernel sees as it goes, for ungrouped convolutions |
//! | [`depthwise_conv2d`], [`max_pool2d`] | on images whose channels lie next to each other, see [`channels_last`]; inference only |
//! | [`embedding`] | the gradient of a table, most rows of which are zeros that nobody writes |
//! | [`batch_norm`] | in training, each channel once forward and once backward, with sum and ReLU |
//! | [`layer_norm`] | each row once forward and once backward |
//! | [`activate`], [`gelu`] | vectorised error function, on all threads |
//!
//! Weights of linear layers may be in 8 bits: [`keep_int8`], or [`mednn::int8`](crate::int8) for all of a model.
//!
//! Weights that stay as they are stay packed between products: those that were loaded in that form alone ([`keep_packed`]), others beside
//! themselves from their second use on.

mod activation;
mod attention;
mod batch_norm;
mod conv2d;
mod embedding;
#[cfg(feature = "kernels")]
mod kernels;
mod layer_norm;
mod linear;
mod packed;
mod pooling;
mod switch;

pub use activation::{Activation, activate, gelu};
pub use attention::attention;
pub use batch_norm::batch_norm;
pub use conv2d::{channels_last, conv2d, conv2d_residual, depthwise_conv2d};
pub use embedding::embedding;
#[cfg(all(feature = "kernels", feature = "optim"))]
pub(crate) use kernels::optimizer;
pub use layer_norm::layer_norm;
pub use linear::{linear, linear_residual, linear_with};
pub(crate) use packed::{int8_transposed, packed_transposed};
pub use packed::{keep_int8, keep_packed};
pub use pooling::max_pool2d;
pub(crate) use switch::kernels_infer;
pub use switch::{kernels_enabled, set_kernels_enabled};
