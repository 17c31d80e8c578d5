//! The kernels of each instruction set.
#![allow(unsafe_code)]

use super::micro::{Tile, multiply};
use super::transpose;
#[cfg(target_arch = "x86_64")]
use super::transpose_avx2;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::simd;
use crate::simd::{Isa, Portable, Simd};

type MicroKernel = unsafe fn(&Tile);
type Transpose = unsafe fn(*const f32, usize, *mut f32, usize, usize, usize);
type Gather = unsafe fn(&[*const f32], *mut f32, usize, usize);

/// What the loops around the innermost product need to know.
pub(crate) struct KernelSet {
    /// Of `1..=rows` rows each; index 0 is of one row.
    micro: &'static [MicroKernel],
    /// Columns of a tile.
    pub(crate) columns: usize,
    pub(crate) transpose: Transpose,
    pub(crate) gather: Gather,
}

impl KernelSet {
    /// The set for an instruction set, the portable one where this processor lacks it.
    pub(crate) fn of(isa: Isa) -> &'static Self {
        match isa {
            _ if !isa.is_available() => &PORTABLE,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &AVX512,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &AVX2,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => &NEON,
            _ => &PORTABLE,
        }
    }

    /// Rows of the tallest tile.
    pub(crate) const fn rows(&self) -> usize {
        self.micro.len()
    }

    /// # Safety
    /// That of [`multiply`]; `rows` is from 1 to [`rows`](Self::rows).
    #[inline]
    pub(crate) unsafe fn multiply(&self, rows: usize, tile: &Tile) {
        // SAFETY: the set was chosen for this processor.
        unsafe { self.micro[rows - 1](tile) }
    }
}

/// A table of micro-kernels compiled for a set of features.
macro_rules! kernels {
    ($table:ident, $name:ident, $simd:ty, $token:expr, $transpose:path, $gather:path, [$($rows:literal)*] $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $name<const ROWS: usize>(tile: &Tile) {
            // SAFETY: the same contract; the features are those that this is compiled for.
            unsafe { multiply::<$simd, ROWS>($token, tile) }
        }

        static $table: KernelSet = KernelSet {
            micro: &[$($name::<$rows>),*],
            columns: 2 * <$simd as Simd>::LANES,
            transpose: $transpose,
            gather: $gather,
        };
    };
}

kernels!(PORTABLE, portable, Portable, Portable, transpose::transpose, transpose::gather, [1 2 3 4]);

// As many rows as there are registers for their sums beside two of the right-hand side and one of the left-hand side.
#[cfg(target_arch = "x86_64")]
kernels!(AVX2, avx2, simd::Avx2, simd::Avx2::assume(), transpose_avx2::transpose, transpose::gather, [1 2 3 4 5 6], "avx2,fma");

#[cfg(target_arch = "x86_64")]
kernels!(
    AVX512,
    avx512,
    simd::Avx512,
    simd::Avx512::assume(),
    transpose::avx512::transpose,
    transpose::avx512::gather,
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
    "avx512f"
);

#[cfg(target_arch = "aarch64")]
kernels!(NEON, neon, simd::Neon, simd::Neon::assume(), transpose::transpose, transpose::gather, [1 2 3 4 5 6 7 8 9 10 11 12], "neon");
