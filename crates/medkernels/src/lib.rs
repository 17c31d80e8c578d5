//! Fast operations of neural networks on slices of `f32`, on the CPU.

pub mod activation;
pub mod math;
pub mod norm;
mod simd;
pub mod softmax;

pub use activation::Activation;
pub use simd::{Isa, ParseIsaError, with_isa};
