//! The loops around the innermost product: rows are rounded by all threads, then rectangles of the result are computed by them.
#![allow(unsafe_code)]

use super::dot::Int8Tile;
use super::kernel_set::Int8Kernels;
use super::matrix::Int8Matrix;
use super::rows::Rounded;
use crate::gemm::raw::{Finish, cuts, finish, with_scratch, with_shared_scratch};
use crate::gemm::{Epilogue, Matrix};
use crate::simd;
use crate::sizes::product;
use crate::threads::{Shared, for_each};

/// Bytes of weights that stay in the second cache while rows pass by.
const BLOCK: usize = 192 * 1024;
/// Rows up to which the weights are waited for.
const FEW_ROWS: usize = 56;
/// Multiplications below which another thread does not pay.
const WORTH_A_THREAD: usize = 1 << 20;
/// Values that one thread rounds while the others wait: waking them takes as long.
const ROUNDED_ALONE: usize = 8 * 1024;

/// `c = residual + scale * activation(alpha * a b + bias)`, row-major, with `a` and `b` [in 8 bits](super): rows of `a` are rounded here.
///
/// A row of `a` with a value that is not finite gives NaN, and so may one whose largest value times that of a column of `b` is not; one whose values are all below
/// 1e-33 in size is taken as zeros.
///
/// # Panics
/// When the sizes do not fit each other.
///
/// ```
/// use medkernels::gemm::{Epilogue, Matrix};
/// use medkernels::int8::{Int8Matrix, gemm_int8};
/// let weight = Int8Matrix::new(Matrix::new(&[1.0, -2.0, 0.5, 4.0], 2, 2));
/// let mut c = [0.0; 2];
/// gemm_int8(Matrix::new(&[1.0, 0.5], 1, 2), &weight, &Epilogue::default(), &mut c);
/// assert!((c[0] - 1.25).abs() < 0.05 && c[1].abs() < 0.05);
/// ```
pub fn gemm_int8(a: Matrix<'_>, b: &Int8Matrix, epilogue: &Epilogue<'_>, c: &mut [f32]) {
    assert_eq!(a.columns(), b.rows(), "columns of the left and rows of the right factor");
    let (rows, columns) = (a.rows(), b.columns());
    assert_eq!(Some(c.len()), rows.checked_mul(columns), "values of a {rows} x {columns} product");
    epilogue.check(rows, columns);
    if rows == 0 || columns == 0 {
        return;
    }
    with_shared_scratch([product(&[rows, b.groups()]), rows, rows], |[words, scales, zeros]| {
        let job = Product {
            kernels: b.kernels(),
            tiles: Tiles::new(rows, b.kernels().rows()),
            groups: b.groups(),
            words: Shared(words.as_mut_ptr().cast()),
            scales: Shared(scales.as_mut_ptr()),
            zeros: Shared(zeros.as_mut_ptr().cast()),
            b,
            c: Shared(c.as_mut_ptr()),
            finish: finish(epilogue),
        };
        job.round(a);
        job.multiply();
    });
}

/// Rows in tiles of about the same height.
#[derive(Clone, Copy)]
struct Tiles {
    count: usize,
    low: usize,
    higher: usize,
}

impl Tiles {
    const fn new(rows: usize, most: usize) -> Self {
        let count = rows.div_ceil(most);
        Self { count, low: rows / count, higher: rows % count }
    }

    /// Where a tile begins.
    fn top(&self, tile: usize) -> usize {
        tile * self.low + tile.min(self.higher)
    }

    fn height(&self, tile: usize) -> usize {
        self.top(tile + 1) - self.top(tile)
    }
}

struct Product<'b> {
    kernels: &'static Int8Kernels,
    tiles: Tiles,
    groups: usize,
    /// Rounded rows: the group of a row of a tile is at `groups * top + group * height + row`.
    words: Shared<u32>,
    scales: Shared<f32>,
    zeros: Shared<i32>,
    b: &'b Int8Matrix,
    c: Shared<f32>,
    finish: Finish,
}

// SAFETY: the weights and the parts of the epilogue are only read; each rectangle of the result is written by one thread.
unsafe impl Sync for Product<'_> {}

impl Product<'_> {
    fn rows(&self) -> usize {
        self.tiles.top(self.tiles.count)
    }

    /// Rounds the rows, on all threads.
    fn round(&self, a: Matrix<'_>) {
        let task = |tile: usize| {
            let (top, height) = (self.tiles.top(tile), self.tiles.height(tile));
            for row in 0..height {
                // SAFETY: the row lies in the matrix, and has places of its own.
                unsafe {
                    let to = self.words.at(self.groups * top + row);
                    let (scale, zero) = self.round_row(a, top + row, to, height);
                    *self.scales.at(top + row) = scale;
                    *self.zeros.at(top + row) = zero;
                }
            }
        };
        if self.rows() * a.columns() <= ROUNDED_ALONE {
            (0..self.tiles.count).for_each(task);
        } else {
            for_each(self.tiles.count, task);
        }
    }

    /// # Safety
    /// The row lies in the matrix; there is room for its words.
    unsafe fn round_row(&self, a: Matrix<'_>, row: usize, to: *mut u32, step: usize) -> (f32, i32) {
        let (from, length) = (a.raw(), a.columns());
        let round =
            |row: &[f32]| simd::run(self.kernels.isa, Rounded { row, group: self.kernels.group, to, step });
        if length == 0 {
            return round(&[]);
        }
        // SAFETY: the caller vouches for it.
        unsafe {
            let start = from.data.add(row * from.row_stride);
            if from.column_stride == 1 {
                return round(std::slice::from_raw_parts(start, length));
            }
            with_scratch([length], |[values]| {
                for (k, value) in values[..length].iter_mut().enumerate() {
                    *value = *start.add(k * from.column_stride);
                }
                round(&values[..length])
            })
        }
    }

    /// Computes the result from the rounded rows, on all threads.
    fn multiply(&self) {
        let panels = self.b.columns().div_ceil(self.kernels.columns);
        let work = self.rows() * self.b.rows().max(1) * self.b.columns();
        let threads = rayon::current_num_threads().min(work / WORTH_A_THREAD).max(1);
        // Some more parts than threads, so that one that is held up does not hold up all.
        let parts = if threads == 1 { 1 } else { threads * 8 };
        let wide = (BLOCK / self.b.panel_bytes().max(1)).max(1);
        let (by_tiles, by_panels) = if self.rows() <= FEW_ROWS {
            (1, parts.min(panels))
        } else {
            let by_panels = panels.div_ceil(wide);
            (parts.div_ceil(by_panels).min(self.tiles.count), by_panels)
        };
        let (heights, widths) = (cuts(self.tiles.count, by_tiles, 1), cuts(panels, by_panels, 1));
        for_each(heights.len() * widths.len(), |part| {
            let (tiles, panels) = (heights[part % heights.len()], widths[part / heights.len()]);
            // SAFETY: the parts lie in the result and do not overlap.
            unsafe { self.compute(tiles, panels) };
        });
    }

    /// # Safety
    /// The rectangle of tiles and panels, start and number of each, lies in the result, and nothing else touches it meanwhile.
    unsafe fn compute(&self, tiles: (usize, usize), panels: (usize, usize)) {
        let (tiles, panels) = (tiles.0..tiles.0 + tiles.1, panels.0..panels.0 + panels.1);
        if self.rows() <= FEW_ROWS {
            // Every panel of weights comes from far and is used but a few times: each tile asks for a part of the next one.
            for panel in panels {
                let next = self.b.panel(panel + 1).values;
                for tile in tiles.clone() {
                    let share = self.b.panel_bytes() / self.tiles.count * (tile - tiles.start);
                    // SAFETY: the caller vouches for it.
                    unsafe { self.tile(tile, panel, next.wrapping_add(share)) };
                }
            }
            return;
        }
        for tile in tiles {
            for panel in panels.clone() {
                // SAFETY: as above.
                unsafe { self.tile(tile, panel, std::ptr::null()) };
            }
        }
    }

    /// # Safety
    /// The tile and the panel are there; nothing else touches what they give.
    #[inline]
    unsafe fn tile(&self, tile: usize, panel: usize, ahead: *const i8) {
        let (top, height) = (self.tiles.top(tile), self.tiles.height(tile));
        let (first, step) = (panel * self.kernels.columns, self.b.columns());
        let weights = self.b.panel(panel);
        // SAFETY: the caller vouches for it.
        unsafe {
            let tile = Int8Tile {
                groups: self.groups,
                rows: self.words.at(self.groups * top),
                row_scales: self.scales.at(top),
                row_zeros: self.zeros.at(top),
                weights: weights.values,
                column_scales: weights.scales,
                column_sums: weights.sums,
                c: self.c.at(top * step + first),
                c_step: step,
                columns: self.kernels.columns.min(step - first),
                finish: self.finish.at(top, first, step),
                ahead,
            };
            self.kernels.multiply(height, &tile);
        }
    }
}
