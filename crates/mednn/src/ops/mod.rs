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
//! | [`layer_norm`] | each row once forward and once backward |
//! | [`activate`], [`gelu`] | vectorised error function, on all threads |

mod activation;
mod attention;
mod conv2d;
#[cfg(feature = "kernels")]
mod kernels;
mod layer_norm;
mod linear;
mod switch;

pub use activation::{Activation, activate, gelu};
pub use attention::attention;
pub use conv2d::{conv2d, conv2d_residual};
pub use layer_norm::layer_norm;
pub use linear::{linear, linear_residual, linear_with};
pub use switch::{kernels_enabled, set_kernels_enabled};
