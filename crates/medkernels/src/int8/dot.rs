//! The innermost product of bytes: a few rows times two registers of columns, kept in registers over all of the depth.
#![allow(unsafe_code)]

use crate::gemm::raw::{Finish, Sums, Tile};
use crate::simd::Simd;

/// Values of a line of the cache, of four bytes each.
const LINE: usize = 16;

/// Sums of products of bytes, as many in a register as it has numbers.
///
/// The depth is cut into groups of [`GROUP`](Self::GROUP) values. A group of a row is a [`u32`], of as many values as it holds (see
/// [`word`](super::rows::word)); a group of weights holds as many bytes of each column of a register, column after column.
pub(crate) trait Dot: Simd {
    /// Values of the depth that one operation takes: 4 of a byte, or 2 of two bytes.
    const GROUP: usize;
    /// A register of `i32`.
    type Sums: Copy;
    /// A group of as many columns of weights.
    type Weights: Copy;

    fn zeros(self) -> Self::Sums;

    /// # Safety
    /// `GROUP * LANES` weights are there.
    unsafe fn weights(self, at: *const i8) -> Self::Weights;

    /// `sums + row * weights`
    fn dot(self, sums: Self::Sums, row: u32, weights: Self::Weights) -> Self::Sums;

    /// `sums - zero * columns`, as numbers of `f32`: the nearest. What wraps around on the way comes back.
    ///
    /// # Safety
    /// `LANES` sums of columns are there.
    unsafe fn finish(self, sums: Self::Sums, zero: i32, columns: *const i32) -> Self::Vector;
}

/// One call of a micro-kernel: `ROWS x columns` values of the result.
#[derive(Clone, Copy)]
pub(crate) struct Int8Tile {
    /// Groups of the depth.
    pub(crate) groups: usize,
    /// The group of a row is at `group * ROWS + row`.
    pub(crate) rows: *const u32,
    /// Scale and zero of each row.
    pub(crate) row_scales: *const f32,
    pub(crate) row_zeros: *const i32,
    /// A panel as wide as the kernel, group after group.
    pub(crate) weights: *const i8,
    /// Scale, and sum of weights, of each column of the panel.
    pub(crate) column_scales: *const f32,
    pub(crate) column_sums: *const i32,
    pub(crate) c: *mut f32,
    pub(crate) c_step: usize,
    /// At most `2 * LANES`.
    pub(crate) columns: usize,
    pub(crate) finish: Finish,
    /// What is read next, a line for each group, if that is to be fetched. It may lie anywhere.
    pub(crate) ahead: *const i8,
}

/// Computes a tile.
///
/// # Safety
/// All parts of the tile are as long as it says.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Dot, const ROWS: usize>(simd: S, tile: &Int8Tile) {
    // SAFETY: the caller vouches for the parts.
    unsafe {
        let sums = if tile.ahead.is_null() {
            sums::<S, ROWS, false>(simd, tile)
        } else {
            sums::<S, ROWS, true>(simd, tile)
        };
        let scales = [load(simd, tile.column_scales), load(simd, tile.column_scales.add(S::LANES))];
        let mut products = [[simd.splat(0.0); 2]; ROWS];
        for (row, (product, sums)) in products.iter_mut().zip(sums).enumerate() {
            let (scale, zero) = (simd.splat(*tile.row_scales.add(row)), *tile.row_zeros.add(row));
            for half in 0..2 {
                let whole = simd.finish(sums[half], zero, tile.column_sums.add(half * S::LANES));
                product[half] = simd.mul(whole, simd.mul(scale, scales[half]));
            }
        }
        let tile = Tile { finish: Some(tile.finish), ..Tile::of_result((tile.c, tile.c_step), tile.columns) };
        Sums::<S, ROWS>::of(products).put(simd, &tile);
    }
}

#[inline(always)]
unsafe fn sums<S: Dot, const ROWS: usize, const AHEAD: bool>(
    simd: S,
    tile: &Int8Tile,
) -> [[S::Sums; 2]; ROWS] {
    let mut sums = [[simd.zeros(); 2]; ROWS];
    let (mut rows, mut weights) = (tile.rows, tile.weights);
    let mut ahead = tile.ahead.cast::<f32>();
    // SAFETY: the caller vouches for the parts.
    unsafe {
        for _ in 0..tile.groups {
            if AHEAD {
                simd.prefetch(ahead);
                ahead = ahead.wrapping_add(LINE);
            }
            let both = [simd.weights(weights), simd.weights(weights.add(S::GROUP * S::LANES))];
            for (row, sums) in sums.iter_mut().enumerate() {
                let group = *rows.add(row);
                sums[0] = simd.dot(sums[0], group, both[0]);
                sums[1] = simd.dot(sums[1], group, both[1]);
            }
            rows = rows.add(ROWS);
            weights = weights.add(2 * S::GROUP * S::LANES);
        }
    }
    sums
}

#[inline(always)]
unsafe fn load<S: Simd>(simd: S, p: *const f32) -> S::Vector {
    // SAFETY: the caller vouches for a register of values.
    simd.load(unsafe { std::slice::from_raw_parts(p, S::LANES) })
}
