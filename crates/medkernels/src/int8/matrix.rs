//! Weights in 8 bits.
#![allow(unsafe_code)]

use std::fmt;

use super::kernel_set::Int8Kernels;
use super::rows::ROUNDER;
use crate::gemm::Matrix;
use crate::gemm::raw::{Line, RawMatrix};
use crate::simd::Isa;
use crate::sizes::product;
use crate::threads::{Shared, for_each};

/// The largest number in size that a weight becomes.
const MOST: f32 = 127.0;

/// A matrix of weights `[rows, columns]` in 8 bits, each column with a scale of its own, for [`gemm_int8`](super::gemm_int8).
///
/// A weight is off by at most half of the scale, which is the largest weight in size of the column over 127. A column with a weight that is not finite has
/// a scale that is NaN, and so gives NaN. It lies as the instruction set that was [current](Isa::current) when it was made reads it, and products use that.
pub struct Int8Matrix {
    /// Panels as wide as a tile, in groups of the depth.
    values: Vec<Line>,
    /// Of each column, and zeros up to a whole panel.
    scales: Vec<f32>,
    /// Sum of each column, and zeros up to a whole panel.
    sums: Vec<i32>,
    kernels: &'static Int8Kernels,
    rows: usize,
    columns: usize,
}

impl Int8Matrix {
    /// Rows that a matrix may have: sums of more products might not fit in 32 bits.
    pub const MOST_ROWS: usize = 1 << 16;

    /// Rounds a matrix.
    ///
    /// # Panics
    /// When it has more than [`MOST_ROWS`](Self::MOST_ROWS), or too many columns to count its values.
    pub fn new(matrix: Matrix<'_>) -> Self {
        let kernels = Int8Kernels::of(Isa::current());
        let (rows, columns) = (matrix.rows(), matrix.columns());
        assert!(rows <= Self::MOST_ROWS, "at most {} rows in 8 bits, not {rows}", Self::MOST_ROWS);
        let (width, panel) = (kernels.columns, rows.next_multiple_of(kernels.group) * kernels.columns);
        let panels = columns.div_ceil(width);
        let padded = product(&[panels, width]);
        let mut values = vec![Line::ZERO; product(&[panels, panel]).div_ceil(size_of::<Line>())];
        let (mut scales, mut sums) = (vec![0.0; padded], vec![0; padded]);
        if rows == 0 {
            return Self { values, scales, sums, kernels, rows, columns };
        }
        let (to, to_scales, to_sums) = (
            Shared(values.as_mut_ptr().cast::<i8>()),
            Shared(scales.as_mut_ptr()),
            Shared(sums.as_mut_ptr()),
        );
        for_each(panels, |index| {
            let first = index * width;
            // SAFETY: the columns lie in the matrix, and each panel has places of its own, which are zero.
            unsafe {
                let to = Panel {
                    values: to.at(index * panel),
                    scales: to_scales.at(first),
                    sums: to_sums.at(first),
                };
                to.fill(kernels, matrix.raw(), rows, first, width.min(columns - first));
            }
        });
        Self { values, scales, sums, kernels, rows, columns }
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes that it takes.
    pub const fn bytes(&self) -> usize {
        self.values.len() * size_of::<Line>() + self.scales.len() * 2 * size_of::<f32>()
    }

    /// Writes the values that it stands for, row-major.
    ///
    /// # Panics
    /// When `to` is not as long.
    pub fn unpack(&self, to: &mut [f32]) {
        assert_eq!(to.len(), self.rows * self.columns, "values of a {} x {} matrix", self.rows, self.columns);
        if to.is_empty() {
            return;
        }
        for (row, to) in to.chunks_exact_mut(self.columns).enumerate() {
            for (column, to) in to.iter_mut().enumerate() {
                let at = offset(self.kernels, row, column % self.kernels.columns);
                // SAFETY: the panel and its values are there.
                let value = unsafe { *self.panel(column / self.kernels.columns).values.add(at) };
                *to = f32::from(value) * self.scales[column];
            }
        }
    }

    pub(crate) const fn kernels(&self) -> &'static Int8Kernels {
        self.kernels
    }

    /// Groups of the depth.
    pub(crate) const fn groups(&self) -> usize {
        self.rows.div_ceil(self.kernels.group)
    }

    /// Bytes of a panel.
    pub(crate) const fn panel_bytes(&self) -> usize {
        self.groups() * self.kernels.group * self.kernels.columns
    }

    /// Where a panel is. It may be none that is there, which then may not be read.
    pub(crate) fn panel(&self, index: usize) -> Panel<*const i8, *const f32, *const i32> {
        let first = index * self.kernels.columns;
        Panel {
            values: self.values.as_ptr().cast::<i8>().wrapping_add(index * self.panel_bytes()),
            scales: self.scales.as_ptr().wrapping_add(first),
            sums: self.sums.as_ptr().wrapping_add(first),
        }
    }
}

/// Columns as wide as a tile.
pub(crate) struct Panel<V, F, I> {
    pub(crate) values: V,
    pub(crate) scales: F,
    pub(crate) sums: I,
}

impl Panel<*mut i8, *mut f32, *mut i32> {
    /// Rounds `width` columns of a matrix from `first` on.
    ///
    /// # Safety
    /// They lie in the matrix; the panel has room for them, and holds zeros.
    unsafe fn fill(&self, kernels: &Int8Kernels, from: RawMatrix, rows: usize, first: usize, width: usize) {
        for column in 0..width {
            // SAFETY: the caller vouches for the column and for its places.
            unsafe {
                let at = from.data.add((first + column) * from.column_stride);
                let value = |row: usize| *at.add(row * from.row_stride);
                let scale = column_scale((0..rows).map(value));
                let mut sum = 0;
                // Also where it is NaN: all stay zeros.
                if scale > 0.0 {
                    for row in 0..rows {
                        let rounded = round(value(row) / scale);
                        sum += i32::from(rounded);
                        *self.values.add(offset(kernels, row, column)) = rounded;
                    }
                }
                *self.scales.add(column) = scale;
                *self.sums.add(column) = sum;
            }
        }
    }
}

/// The nearest whole number from -127 to 127.
fn round(x: f32) -> i8 {
    (x.clamp(-MOST, MOST) + ROUNDER).to_bits() as i8
}

/// The largest value in size over 127; NaN where one is not finite.
fn column_scale(values: impl Iterator<Item = f32>) -> f32 {
    let (mut most, mut finite) = (0.0_f32, true);
    for x in values {
        most = most.max(x.abs());
        finite &= x.is_finite();
    }
    if finite { most / MOST } else { f32::NAN }
}

/// Where a value of a panel is.
const fn offset(kernels: &Int8Kernels, row: usize, column: usize) -> usize {
    (row / kernels.group * kernels.columns + column) * kernels.group + row % kernels.group
}

impl Clone for Int8Matrix {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), scales: self.scales.clone(), sums: self.sums.clone(), ..*self }
    }
}

impl fmt::Debug for Int8Matrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Int8Matrix")
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}
