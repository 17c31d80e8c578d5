//! The kernels of each instruction set.
#![allow(unsafe_code)]

use super::dot::{Dot, Int8Tile, multiply};
#[cfg(target_arch = "x86_64")]
use crate::simd;
use crate::simd::{Isa, Portable, Simd};

type MicroKernel = unsafe fn(&Int8Tile);

/// What the loops around the innermost product need to know.
pub(crate) struct Int8Kernels {
    /// Of `1..=rows` rows each; index 0 is of one row.
    micro: &'static [MicroKernel],
    /// Columns of a tile.
    pub(crate) columns: usize,
    /// Values of the depth in a group.
    pub(crate) group: usize,
    /// What else of a product is compiled for.
    pub(crate) isa: Isa,
}

impl Int8Kernels {
    /// The set for an instruction set: the next one that there are kernels for, where the processor lacks it.
    pub(crate) fn of(isa: Isa) -> &'static Self {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if isa.is_available() && is_x86_feature_detected!("avx512vnni") => &AVX512,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx2 if Isa::Avx2.is_available() => &AVX2,
            _ => &PORTABLE,
        }
    }

    /// Rows of the tallest tile.
    pub(crate) const fn rows(&self) -> usize {
        self.micro.len()
    }

    /// # Safety
    /// As said at [`Int8Tile`]; `rows` is from 1 to [`rows`](Self::rows).
    #[inline]
    pub(crate) unsafe fn multiply(&self, rows: usize, tile: &Int8Tile) {
        // SAFETY: the set was chosen for this processor.
        unsafe { self.micro[rows - 1](tile) }
    }
}

/// A table of micro-kernels compiled for a set of features.
macro_rules! kernels {
    ($table:ident, $name:ident, $simd:ty, $token:expr, $isa:expr, [$($rows:literal)*] $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $name<const ROWS: usize>(tile: &Int8Tile) {
            // SAFETY: the same contract; the features are those that this is compiled for.
            unsafe { multiply::<$simd, ROWS>($token, tile) }
        }

        static $table: Int8Kernels = Int8Kernels {
            micro: &[$($name::<$rows>),*],
            columns: 2 * <$simd as Simd>::LANES,
            group: <$simd as Dot>::GROUP,
            isa: $isa,
        };
    };
}

kernels!(PORTABLE, portable, Portable, Portable, Isa::Portable, [1 2 3 4]);

#[cfg(target_arch = "x86_64")]
kernels!(AVX2, avx2, simd::Avx2, simd::Avx2::assume(), Isa::Avx2, [1 2 3 4 5 6], "avx2,fma");

#[cfg(target_arch = "x86_64")]
kernels!(
    AVX512,
    avx512,
    simd::Avx512,
    simd::Avx512::assume(),
    Isa::Avx512,
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
    "avx512f,avx512vnni"
);
