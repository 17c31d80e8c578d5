//! Fast operations of neural networks on slices of `f32`, on the CPU.
//!
//! Every operation is compiled for AVX-512, AVX2 with FMA, NEON and plain Rust. The fastest that the processor has is
//! found at run time; the environment variable `MEDKERNELS_ISA` (`avx512`, `avx2`, `neon`, `portable`) or [`with_isa`]
//! picks another. Large slices are spread over as many threads as rayon's pool has; how many never changes a result. The instruction
//! set may: by roundings.
//!
//! Operations panic where the lengths of their slices do not agree, and say so.

pub mod activation;
pub mod attention;
pub mod convolution;
pub mod gemm;
pub mod int8;
pub mod math;
pub mod norm;
pub mod optimizer;
pub mod reduce;
mod simd;
mod sizes;
pub mod softmax;
mod threads;

pub use activation::Activation;
pub use simd::{Isa, ParseIsaError, with_isa};
