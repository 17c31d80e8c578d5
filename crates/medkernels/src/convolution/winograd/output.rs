//! From products to outputs.
#![allow(unsafe_code)]

use std::ops::Range;

use super::filter::Filter;
use super::grid::Grid;
use crate::gemm::raw::{Finish, finish_with, load_first, store_first};
use crate::simd::{Kernel, Simd};

/// Makes some columns of the outputs of some tiles, out of products `[tiles, places, step]`.
pub(super) struct TransformOutput<'a, F, const IN: usize, const OUT: usize> {
    pub(super) filter: F,
    pub(super) grid: &'a Grid,
    pub(super) tiles: Range<usize>,
    pub(super) products: *const f32,
    pub(super) step: usize,
    /// Those that the products begin with.
    pub(super) columns: Range<usize>,
    pub(super) finish: &'a Finish,
    /// `[pixels, outputs]`
    pub(super) output: *mut f32,
    pub(super) outputs: usize,
    /// Gets the tiles in which something was not finite.
    pub(super) spoilt: &'a mut Vec<usize>,
}

impl<F: Filter<IN, OUT>, const IN: usize, const OUT: usize> TransformOutput<'_, F, IN, OUT> {
    /// The outputs of `LANES` channels.
    ///
    /// # Safety
    /// There are as many at `products`.
    #[inline(always)]
    unsafe fn transform<S: Simd>(&self, simd: S, products: *const f32) -> [[S::Vector; OUT]; OUT] {
        // Loops fill the arrays: what closures do is not compiled for the instruction set.
        let mut turned = [[simd.splat(0.0); IN]; OUT];
        for x in 0..IN {
            let mut column = [simd.splat(0.0); IN];
            for (y, value) in column.iter_mut().enumerate() {
                // SAFETY: the caller vouches for the products.
                *value = unsafe { load_first(simd, products.add((y * IN + x) * self.step), S::LANES) };
            }
            for (row, value) in turned.iter_mut().zip(self.filter.output(simd, column)) {
                row[x] = value;
            }
        }
        let mut outputs = [[simd.splat(0.0); OUT]; OUT];
        for (to, row) in outputs.iter_mut().zip(turned) {
            *to = self.filter.output(simd, row);
        }
        outputs
    }
}

impl<F: Filter<IN, OUT>, const IN: usize, const OUT: usize> Kernel for TransformOutput<'_, F, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (index, tile) in self.tiles.clone().enumerate() {
            let place = self.grid.place(tile);
            let [rows, columns] = self.grid.inside(place);
            let mut check = simd.splat(0.0);
            for column in self.columns.clone().step_by(S::LANES) {
                let width = S::LANES.min(self.columns.end - column);
                // SAFETY: the products are as many as the columns, rounded up to whole registers; the pixels lie in the output.
                unsafe {
                    let at = index * IN * IN * self.step + column - self.columns.start;
                    let values = self.transform(simd, self.products.add(at));
                    for (y, row) in values.iter().enumerate() {
                        for (x, &value) in row.iter().enumerate() {
                            // 0, or not a number.
                            check = simd.mul_add(value, simd.splat(0.0), check);
                            if y < rows && x < columns {
                                let at = self.grid.output(place, y, x) * self.outputs + column;
                                let value = finish_with(simd, self.finish, 0, column, at, width, value);
                                store_first(simd, self.output.add(at), width, value);
                            }
                        }
                    }
                }
            }
            if simd.sum(check) != 0.0 {
                self.spoilt.push(tile);
            }
        }
    }
}
