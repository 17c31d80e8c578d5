//! The innermost product: a few rows times two registers of columns, kept in registers over all of the depth.
#![allow(unsafe_code)]

use std::hint::black_box;

use super::epilogue::apply;
use crate::Activation;
use crate::simd::Simd;

/// Values of a line of the cache.
const LINE: usize = 16;
/// Steps of the depth that are written out one after the other.
const WRITTEN_OUT: usize = 4;

/// One call of a micro-kernel: `rows x columns` values of the result.
///
/// `a` lies as [`Rows`] says. `b` is a panel as wide as the kernel: element `(k, column)` is at `b[k * 2 * LANES + column]`.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) depth: usize,
    pub(crate) a: *const f32,
    pub(crate) rows: Rows,
    pub(crate) b: *const f32,
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

/// How the rows of a left-hand side lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Next to each other: element `(row, k)` is at `k * step + row`.
    Beside { step: usize },
    /// In groups of as many values as a register has: those of the first row, those of the second and so on, then the next group. The last
    /// group may have fewer. Packing moves whole registers and turns nothing.
    InGroups,
    /// Anywhere, as they were given: element `(row, k)` is at `row * step + k`.
    Apart { step: usize },
    /// In runs that lie anywhere, which no arithmetic finds. In place of values there are addresses, not always aligned: for each run where it is of
    /// each row. The first run has `first` values, the others `run`, but for the last, which ends with the depth.
    Runs { first: usize, run: usize },
}

impl Tile {
    /// A product that is written as it is; of the left-hand side where it begins and how its rows lie, of the other and the result where
    /// they begin, and the step of the result.
    pub(crate) const fn new(
        depth: usize,
        (a, rows): (*const f32, Rows),
        b: *const f32,
        (c, c_step): (*mut f32, usize),
        columns: usize,
    ) -> Self {
        Self {
            depth,
            a,
            rows,
            b,
            c,
            c_step,
            columns,
            accumulate: false,
            finish: None,
            ahead: std::ptr::null(),
        }
    }

    /// One without factors, for sums that are there: where the result begins, and its step.
    pub(crate) const fn of_result(c: (*mut f32, usize), columns: usize) -> Self {
        Self::new(0, (std::ptr::null(), Rows::InGroups), std::ptr::null(), c, columns)
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
    let mut sums = Sums::<S, ROWS>::new(simd, tile);
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        if tile.ahead.is_null() {
            sums.add::<false>(simd, tile);
        } else {
            sums.add::<true>(simd, tile);
        }
        sums.put(simd, tile);
    }
}

/// The sums of a tile, and where the next step reads.
pub(crate) struct Sums<S: Simd, const ROWS: usize> {
    sums: [[S::Vector; 2]; ROWS],
    b: *const f32,
    ahead: *const f32,
}

impl<S: Simd, const ROWS: usize> Sums<S, ROWS> {
    #[inline(always)]
    fn new(simd: S, tile: &Tile) -> Self {
        Self { sums: [[simd.splat(0.0); 2]; ROWS], b: tile.b, ahead: tile.ahead }
    }

    /// Sums that were computed in another way.
    #[inline(always)]
    pub(crate) const fn of(sums: [[S::Vector; 2]; ROWS]) -> Self {
        Self { sums, b: std::ptr::null(), ahead: std::ptr::null() }
    }

    /// Adds the products of all of the depth.
    ///
    /// # Safety
    /// As said at [`Tile`].
    #[inline(always)]
    unsafe fn add<const AHEAD: bool>(&mut self, simd: S, tile: &Tile) {
        let a = tile.a;
        // SAFETY: the caller vouches for the values.
        unsafe {
            match tile.rows {
                Rows::Beside { step } => {
                    self.steps::<AHEAD>(simd, tile.depth, |k, row| a.wrapping_add(k * step + row));
                }
                Rows::InGroups => {
                    let whole = tile.depth / S::LANES * S::LANES;
                    for group in (0..whole).step_by(S::LANES) {
                        let a = a.wrapping_add(group * ROWS);
                        // Unknown to the compiler, which would write out all of it, and run out of registers.
                        let lanes = black_box(S::LANES);
                        self.steps::<AHEAD>(simd, lanes, |k, row| a.wrapping_add(row * S::LANES + k));
                    }
                    let (a, rest) = (a.wrapping_add(whole * ROWS), tile.depth - whole);
                    for k in 0..rest {
                        self.step::<AHEAD>(simd, |row| a.wrapping_add(row * rest + k));
                    }
                }
                Rows::Apart { step } => {
                    // Hidden from the compiler, which would add up steps in the loop.
                    let rows: [_; ROWS] = std::array::from_fn(|row| black_box(a.wrapping_add(row * step)));
                    self.steps::<AHEAD>(simd, tile.depth, |k, row| rows[row].wrapping_add(k));
                }
                Rows::Runs { first, run } => {
                    let mut runs = a.cast::<[*const f32; ROWS]>();
                    let (mut done, mut length) = (0, first.min(tile.depth));
                    while done < tile.depth {
                        let rows = runs.read_unaligned();
                        self.steps::<AHEAD>(simd, length, |k, row| rows[row].wrapping_add(k));
                        runs = runs.add(1);
                        done += length;
                        length = run.min(tile.depth - done);
                    }
                }
            }
        }
    }

    /// So many steps, where `left` says where the values of each row are. Where registers are held, some are written out, so that less is counted.
    #[inline(always)]
    unsafe fn steps<const AHEAD: bool>(
        &mut self,
        simd: S,
        depth: usize,
        left: impl Fn(usize, usize) -> *const f32,
    ) {
        let written_out = if S::HOLDS { depth / WRITTEN_OUT * WRITTEN_OUT } else { 0 };
        // SAFETY: the caller vouches for the values.
        unsafe {
            for first in (0..written_out).step_by(WRITTEN_OUT) {
                for k in 0..WRITTEN_OUT {
                    self.step::<AHEAD>(simd, |row| left(first + k, row));
                }
            }
            for k in written_out..depth {
                self.step::<AHEAD>(simd, |row| left(k, row));
            }
        }
    }

    /// Adds the products of a step of the depth.
    #[inline(always)]
    unsafe fn step<const AHEAD: bool>(&mut self, simd: S, left: impl Fn(usize) -> *const f32) {
        if AHEAD {
            simd.prefetch(self.ahead);
            self.ahead = self.ahead.wrapping_add(LINE);
        }
        // SAFETY: the caller vouches for the values.
        unsafe {
            let right = [load(simd, self.b), load(simd, self.b.add(S::LANES))];
            for (row, sum) in self.sums.iter_mut().enumerate() {
                let left = simd.splat(*left(row));
                sum[0] = simd.mul_add(left, right[0], sum[0]);
                sum[1] = simd.mul_add(left, right[1], sum[1]);
                simd.hold(sum);
            }
            self.b = self.b.add(2 * S::LANES);
        }
    }

    /// Finishes and writes the sums.
    ///
    /// # Safety
    /// The result and the parts of the epilogue are as long as said at [`Tile`].
    #[inline(always)]
    pub(crate) unsafe fn put(mut self, simd: S, tile: &Tile) {
        // SAFETY: the caller vouches for the result and the parts of the epilogue.
        unsafe {
            if tile.columns == 2 * S::LANES {
                if tile.accumulate {
                    self.accumulate(simd, tile);
                }
                if let Some(finish) = &tile.finish {
                    self.finish(simd, tile, finish);
                }
                for (row, sum) in self.sums.into_iter().enumerate() {
                    store_first(simd, tile.c.add(row * tile.c_step), S::LANES, sum[0]);
                    store_first(simd, tile.c.add(row * tile.c_step + S::LANES), S::LANES, sum[1]);
                }
            } else {
                let first = tile.columns.min(S::LANES);
                let widths = [first, tile.columns - first];
                for (row, sum) in self.sums.into_iter().enumerate() {
                    for (half, (sum, width)) in sum.into_iter().zip(widths).enumerate() {
                        put(simd, tile, row, half * S::LANES, width, sum);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn accumulate(&mut self, simd: S, tile: &Tile) {
        for (row, sum) in self.sums.iter_mut().enumerate() {
            // SAFETY: the tile is as wide as its kernel.
            unsafe {
                let c = tile.c.add(row * tile.c_step);
                *sum = [simd.add(sum[0], load(simd, c)), simd.add(sum[1], load(simd, c.add(S::LANES)))];
            }
        }
    }

    /// The epilogue of a tile that is as wide as its kernel: each part is asked for once, and not for each register.
    #[inline(always)]
    unsafe fn finish(&mut self, simd: S, tile: &Tile, finish: &Finish) {
        // SAFETY: the parts are as long as the tile is wide.
        unsafe {
            if finish.alpha != 1.0 {
                let alpha = simd.splat(finish.alpha);
                for sum in &mut self.sums {
                    *sum = [simd.mul(sum[0], alpha), simd.mul(sum[1], alpha)];
                }
            }
            if !finish.bias.is_null() {
                let bias = [load(simd, finish.bias), load(simd, finish.bias.add(S::LANES))];
                for sum in &mut self.sums {
                    *sum = [simd.add(sum[0], bias[0]), simd.add(sum[1], bias[1])];
                }
            }
            if !finish.row_bias.is_null() {
                for (row, sum) in self.sums.iter_mut().enumerate() {
                    let bias = simd.splat(*finish.row_bias.add(row));
                    *sum = [simd.add(sum[0], bias), simd.add(sum[1], bias)];
                }
            }
            if let Some(activation) = finish.activation {
                for sum in &mut self.sums {
                    *sum = [apply(activation, simd, sum[0]), apply(activation, simd, sum[1])];
                }
            }
            if !finish.scale.is_null() {
                let scale = [load(simd, finish.scale), load(simd, finish.scale.add(S::LANES))];
                for sum in &mut self.sums {
                    *sum = [simd.mul(sum[0], scale[0]), simd.mul(sum[1], scale[1])];
                }
            }
            if !finish.residual.is_null() {
                for (row, sum) in self.sums.iter_mut().enumerate() {
                    let from = finish.residual.add(row * tile.c_step);
                    *sum = [
                        simd.add(sum[0], load(simd, from)),
                        simd.add(sum[1], load(simd, from.add(S::LANES))),
                    ];
                }
            }
            if finish.relu_last {
                for sum in &mut self.sums {
                    *sum = [apply(Activation::Relu, simd, sum[0]), apply(Activation::Relu, simd, sum[1])];
                }
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
    // SAFETY: as said at `Tile`; the parts of the epilogue are as long as the tile is wide.
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

/// What follows the product, for `width` values of it from a row and column of a tile on; `at` is where the residual has the first of them.
///
/// # Safety
/// The parts of the epilogue have as many values there.
#[inline(always)]
pub(crate) unsafe fn finish_with<S: Simd>(
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
///
/// # Safety
/// There are as many values.
#[inline(always)]
pub(crate) unsafe fn load_first<S: Simd>(simd: S, p: *const f32, width: usize) -> S::Vector {
    // SAFETY: the caller vouches for `width` values.
    let from = unsafe { std::slice::from_raw_parts(p, width) };
    if width == S::LANES { simd.load(from) } else { simd.load_partial(from, 0.0) }
}

/// Writes the first `width` lanes.
///
/// # Safety
/// There is room for them.
#[inline(always)]
pub(crate) unsafe fn store_first<S: Simd>(simd: S, p: *mut f32, width: usize, x: S::Vector) {
    // SAFETY: the caller vouches for room for `width` values.
    let to = unsafe { std::slice::from_raw_parts_mut(p, width) };
    if width == S::LANES { simd.store(to, x) } else { simd.store_partial(to, x) }
}
