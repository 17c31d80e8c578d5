//! The kernels of each instruction set.
#![allow(unsafe_code)]

use super::micro::{Rows, Tile, multiply};
use super::{groups, transpose};
#[cfg(target_arch = "x86_64")]
use super::{plain_rows, transpose_avx2};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::simd;
use crate::simd::{Isa, Portable, Simd};

type MicroKernel = unsafe fn(&Tile);
type Transpose = unsafe fn(*const f32, usize, *mut f32, usize, usize, usize);
type Gather = unsafe fn(&[*const f32], *mut f32, [usize; 2], usize);

/// What the loops around the innermost product need to know.
pub(crate) struct KernelSet {
    /// Of `1..=rows` rows each; index 0 is of one row.
    micro: &'static [MicroKernel],
    /// Columns of a tile.
    pub(crate) columns: usize,
    pub(crate) transpose: Transpose,
    /// Packs some of the depth of rows that lie anywhere.
    pub(crate) gather: Gather,
    layout: Layout,
}

/// How [`KernelSet::gather`] lays out rows.
enum Layout {
    /// Next to each other, as [`transpose::gather`] does.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Beside,
    /// In groups, as [`groups::pack`](super::groups::pack) does.
    InGroups,
    /// As they are, as [`plain_rows::pack`](super::plain_rows::pack) does. Tiles are low enough for that: each of their rows has a register
    /// that points to it.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Apart,
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

    /// How rows are packed whose own values lie next to each other.
    pub(crate) const fn packed_rows(&self, height: usize, depth: usize) -> Rows {
        match self.layout {
            Layout::Beside => Rows::Beside { step: height },
            Layout::InGroups => Rows::InGroups,
            Layout::Apart => Rows::Apart { step: depth },
        }
    }

    /// Whether such rows are read as well where they are.
    pub(crate) const fn reads_in_place(&self) -> bool {
        matches!(self.layout, Layout::Apart)
    }

    /// Rows of the tallest tile.
    pub(crate) const fn rows(&self) -> usize {
        self.micro.len()
    }

    /// # Safety
    /// As said at [`Tile`]; `rows` is from 1 to [`rows`](Self::rows).
    #[inline]
    pub(crate) unsafe fn multiply(&self, rows: usize, tile: &Tile) {
        // SAFETY: the set was chosen for this processor.
        unsafe { self.micro[rows - 1](tile) }
    }
}

/// A table of micro-kernels compiled for a set of features.
macro_rules! kernels {
    ($table:ident, $name:ident, $simd:ty, $token:expr, $transpose:path, $gather:expr, $layout:expr, [$($rows:literal)*] $(, $feature:literal)?) => {
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
            layout: $layout,
        };
    };
}

kernels!(PORTABLE, portable, Portable, Portable, transpose::transpose, groups::pack::<8>, Layout::InGroups, [1 2 3 4]);

// As many rows as there are registers for their sums beside two of the right-hand side and one of the left-hand side.
#[cfg(target_arch = "x86_64")]
kernels!(AVX2, avx2, simd::Avx2, simd::Avx2::assume(), transpose_avx2::transpose, plain_rows::pack, Layout::Apart, [1 2 3 4 5 6], "avx2,fma");

// Turns rows in registers while packing.
#[cfg(target_arch = "x86_64")]
kernels!(
    AVX512,
    avx512,
    simd::Avx512,
    simd::Avx512::assume(),
    transpose::avx512::transpose,
    transpose::avx512::gather,
    Layout::Beside,
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
    "avx512f"
);

#[cfg(target_arch = "aarch64")]
kernels!(NEON, neon, simd::Neon, simd::Neon::assume(), transpose::transpose, groups::pack::<4>, Layout::InGroups, [1 2 3 4 5 6 7 8 9 10 11 12], "neon");
