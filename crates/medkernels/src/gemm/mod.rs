//! Products of matrices of `f32`, with what follows a product in a network done before the result is written.
//!
//! | instruction set | tile |
//! |---|---|
//! | AVX-512F | 14 x 32 |
//! | AVX2 and FMA | 6 x 16 |
//! | NEON | 12 x 8 |
//! | none of these | 4 x 16 |

mod driver;
mod epilogue;
mod groups;
mod kernel_set;
mod matrix;
mod micro;
pub(crate) mod pack;
mod packed;
#[cfg(target_arch = "x86_64")]
mod plain_rows;
mod scratch;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod transpose_avx2;

/// The parts, for kernels that are made of products.
pub(crate) mod raw {
    pub(crate) use super::driver::{Cuts, Left, Right, block_depth, cuts, finish, multiply};
    pub(crate) use super::epilogue::apply;
    pub(crate) use super::kernel_set::KernelSet;
    pub(crate) use super::matrix::RawMatrix;
    pub(crate) use super::micro::{Finish, Rows, Sums, Tile, finish_with, load_first, store_first};
    pub(crate) use super::pack;
    pub(crate) use super::scratch::{
        Line, as_floats, floats, with_result_scratch, with_scratch, with_shared_scratch,
    };
}

pub use driver::gemm;
pub use epilogue::Epilogue;
pub use matrix::Matrix;
pub use packed::{PackedMatrix, gemm_packed};
