//! Products of matrices in 8-bit integers, for inference: weights are rounded once ([`Int8Matrix`]), the rows that they are multiplied with in
//! each product ([`gemm_int8`]).
//!
//! A row `x` becomes whole numbers from 0 to 255, `x ≈ s (q - z)`, with a scale and a zero of its own that cover its values and 0 ("dynamic"
//! quantisation, by rows, asymmetric). A column of weights becomes whole numbers from -127 to 127, `w ≈ t v`, with a scale of its own (symmetric).
//! So `x w ≈ s t (Σ q v - z Σ v)`: the sums are exact in 32 bits, the same with every instruction set and number of threads, and what follows a product
//! is done in `f32` ([`Epilogue`](crate::gemm::Epilogue)).
//!
//! | instruction set | products of |
//! |---|---|
//! | AVX-512F with VNNI | 4 pairs of bytes for each sum, tiles of 14 x 32 |
//! | AVX2 | 2 pairs of 16 bits, from bytes in memory, tiles of 6 x 16 |
//! | any other | plain Rust, tiles of 4 x 16: slower than `f32` with NEON |

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dot;
mod kernel_set;
mod matrix;
mod portable;
mod product;
mod rows;

pub use matrix::Int8Matrix;
pub use product::gemm_int8;
