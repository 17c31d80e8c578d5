//! The innermost product: a few rows times two registers of columns, kept in registers over all of the depth.
#![allow(unsafe_code)]

use super::epilogue::apply;
use crate::Activation;
use crate::simd::Simd;

/// Values of a line of the cache.
const LINE: usize = 16;

/// One call of a micro-kernel: `rows x columns` values of the result.
///
/// `a` has its rows next to each other: element `(row, k)` is at `a[k * a_step + row]`. `b` has its columns next to each
/// other: element `(k, column)` is at `b[k * b_step + column]`, and reading `2 * LANES` columns is in bounds.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) depth: usize,
    pub(crate) a: *const f32,
    pub(crate) a_step: usize,
    pub(crate) b: *const f32,
    pub(crate) b_step: usize,
    pub(crate) c: *mut f32,
    pub(crate) c_step: usize,
    /// At most `2 * LANES`.
    pub(crate) columns: usize,
    /// Whether `c` holds the product of the depth before.
    pub(crate) accumulate: bool,
    pub(crate) finish: Option<Finish>,
    /// What is read next, a line for each step of the depth, if that is to be fetched. It may lie anywhere.
    pub(crate) ahead: *const f32,
}

impl Tile {
    /// A product that is written as it is; of each factor and the result where it begins and its step.
    pub(crate) const fn new(
        depth: usize,
        (a, a_step): (*const f32, usize),
        (b, b_step): (*const f32, usize),
        (c, c_step): (*mut f32, usize),
        columns: usize,
    ) -> Self {
        Self {
            depth,
            a,
            a_step,
            b,
            b_step,
            c,
            c_step,
            columns,
            accumulate: false,
            finish: None,
            ahead: std::ptr::null(),
        }
    }
}

/// An [`Epilogue`](super::Epilogue) at a tile; absent parts are null.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    pub(crate) alpha: f32,
    pub(crate) bias: *const f32,
    pub(crate) row_bias: *const f32,
    pub(crate) activation: Option<Activation>,
    pub(crate) scale: *const f32,
    /// With the strides of `c`.
    pub(crate) residual: *const f32,
    pub(crate) relu_last: bool,
}

/// Computes a tile of `ROWS` rows.
///
/// # Safety
/// As said at [`Tile`].
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd, const ROWS: usize>(simd: S, tile: &Tile) {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let mut sums = [[simd.splat(0.0); 2]; ROWS];
        let (mut a, mut b, mut ahead) = (tile.a, tile.b, tile.ahead);
        for _ in 0..tile.depth {
            // The same in every step: the compiler makes two loops.
            if !tile.ahead.is_null() {
                simd.prefetch(ahead);
                ahead = ahead.wrapping_add(LINE);
            }
            let right = [load(simd, b), load(simd, b.add(S::LANES))];
            for (row, sum) in sums.iter_mut().enumerate() {
                let left = simd.splat(*a.add(row));
                sum[0] = simd.mul_add(left, right[0], sum[0]);
                sum[1] = simd.mul_add(left, right[1], sum[1]);
            }
            a = a.add(tile.a_step);
            b = b.add(tile.b_step);
        }
        let first = tile.columns.min(S::LANES);
        let widths = [first, tile.columns - first];
        for (row, sum) in sums.into_iter().enumerate() {
            for (half, (sum, width)) in sum.into_iter().zip(widths).enumerate() {
                put(simd, tile, row, half * S::LANES, width, sum);
            }
        }
    }
}

/// Finishes and writes the first `width` lanes of a sum.
#[inline(always)]
unsafe fn put<S: Simd>(simd: S, tile: &Tile, row: usize, column: usize, width: usize, sum: S::Vector) {
    if width == 0 {
        return;
    }
    // SAFETY: as in `multiply`; the parts of the epilogue are as long as the tile is wide.
    unsafe {
        let at = row * tile.c_step + column;
        let mut x = sum;
        if tile.accumulate {
            x = simd.add(x, load_first(simd, tile.c.add(at), width));
        }
        if let Some(finish) = &tile.finish {
            x = finish_with(simd, finish, row, column, at, width, x);
        }
        store_first(simd, tile.c.add(at), width, x);
    }
}

#[inline(always)]
unsafe fn finish_with<S: Simd>(
    simd: S,
    f: &Finish,
    row: usize,
    column: usize,
    at: usize,
    width: usize,
    x: S::Vector,
) -> S::Vector {
    // SAFETY: as in `put`.
    unsafe {
        let mut x = if f.alpha == 1.0 { x } else { simd.mul(x, simd.splat(f.alpha)) };
        if !f.bias.is_null() {
            x = simd.add(x, load_first(simd, f.bias.add(column), width));
        }
        if !f.row_bias.is_null() {
            x = simd.add(x, simd.splat(*f.row_bias.add(row)));
        }
        if let Some(activation) = f.activation {
            x = apply(activation, simd, x);
        }
        if !f.scale.is_null() {
            x = simd.mul(x, load_first(simd, f.scale.add(column), width));
        }
        if !f.residual.is_null() {
            x = simd.add(x, load_first(simd, f.residual.add(at), width));
        }
        if f.relu_last { apply(Activation::Relu, simd, x) } else { x }
    }
}

#[inline(always)]
unsafe fn load<S: Simd>(simd: S, p: *const f32) -> S::Vector {
    // SAFETY: the caller vouches for a register of values.
    simd.load(unsafe { std::slice::from_raw_parts(p, S::LANES) })
}

/// The first `width` lanes, the others 0.
#[inline(always)]
unsafe fn load_first<S: Simd>(simd: S, p: *const f32, width: usize) -> S::Vector {
    // SAFETY: the caller vouches for `width` values.
    let from = unsafe { std::slice::from_raw_parts(p, width) };
    if width == S::LANES { simd.load(from) } else { simd.load_partial(from, 0.0) }
}

#[inline(always)]
unsafe fn store_first<S: Simd>(simd: S, p: *mut f32, width: usize, x: S::Vector) {
    // SAFETY: the caller vouches for room for `width` values.
    let to = unsafe { std::slice::from_raw_parts_mut(p, width) };
    if width == S::LANES { simd.store(to, x) } else { simd.store_partial(to, x) }
}
