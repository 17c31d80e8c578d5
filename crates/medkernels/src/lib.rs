//! Fast operations of neural networks on slices of `f32`, on the CPU.

pub mod activation;
pub mod attention;
pub mod convolution;
pub mod gemm;
pub mod math;
pub mod reduce;
mod simd;

pub use activation::Activation;
pub use simd::{Isa, ParseIsaError, with_isa};
