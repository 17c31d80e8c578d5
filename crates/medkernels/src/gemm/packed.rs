//! A right-hand side that is packed once and multiplied with many times.
#![allow(unsafe_code)]

use std::fmt;

use super::driver::{Right, block_depth};
use super::epilogue::Epilogue;
use super::kernel_set::KernelSet;
use super::matrix::Matrix;
use super::scratch::{Line, as_floats, floats};
use crate::simd::Isa;
use crate::threads::{Shared, for_each};

/// Columns that a thread packs at a time.
const PACKED_AT_ONCE: usize = 64;

/// A matrix as the innermost product reads it, for weights that many products share.
///
/// It takes the memory of the matrix, with columns rounded up to whole tiles (32 with AVX-512). A product with other instructions than those
/// that it was packed for packs it again, and is slow.
pub struct PackedMatrix {
    values: Vec<Line>,
    kernels: &'static KernelSet,
    rows: usize,
    columns: usize,
}

impl PackedMatrix {
    /// Packs a matrix for the [current instruction set](Isa::current).
    pub fn new(matrix: Matrix<'_>) -> Self {
        let kernels = KernelSet::of(Isa::current());
        let (rows, columns) = (matrix.rows(), matrix.columns());
        let padded = columns.next_multiple_of(kernels.columns);
        let mut values = vec![Line::ZERO; (rows * padded).div_ceil(16)];
        let to = Shared(as_floats(&mut values).as_mut_ptr());
        let unit = PACKED_AT_ONCE.next_multiple_of(kernels.columns);
        let parts = columns.div_ceil(unit);
        let deep = block_depth(rows);
        for_each(parts * rows.div_ceil(deep), |task| {
            let (from, first) = (task / parts * deep, task % parts * unit);
            let (depth, width) = (deep.min(rows - from), unit.min(columns - first));
            // SAFETY: the block lies in the matrix, and each has a place of its own.
            unsafe {
                matrix.pack(kernels, (from, first), [depth, width], to.at(from * padded + first * depth))
            };
        });
        Self { values, kernels, rows, columns }
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Whether products on this thread can take it as it is.
    pub fn is_current(&self) -> bool {
        std::ptr::eq(self.kernels, KernelSet::of(Isa::current()))
    }

    /// Bytes that it takes.
    pub const fn bytes(&self) -> usize {
        self.values.len() * size_of::<Line>()
    }

    /// Writes the matrix, row-major.
    ///
    /// # Panics
    /// When `to` is not as long.
    pub fn unpack(&self, to: &mut [f32]) {
        assert_eq!(to.len(), self.rows * self.columns, "values of a {} x {} matrix", self.rows, self.columns);
        if to.is_empty() {
            return;
        }
        for (row, to) in to.chunks_exact_mut(self.columns).enumerate() {
            for (panel, to) in to.chunks_mut(self.kernels.columns).enumerate() {
                let at = self.offset(row, panel * self.kernels.columns);
                to.copy_from_slice(&floats(&self.values)[at..at + to.len()]);
            }
        }
    }

    /// What it was packed for.
    pub(crate) const fn kernels(&self) -> &'static KernelSet {
        self.kernels
    }

    /// A row of a panel of columns, as wide as a tile: zeros after the last column.
    pub(crate) fn panel_row(&self, row: usize, panel: usize) -> &[f32] {
        let width = self.kernels.columns;
        &floats(&self.values)[self.offset(row, panel * width)..][..width]
    }

    /// Where an element is.
    fn offset(&self, row: usize, column: usize) -> usize {
        let (width, deep) = (self.kernels.columns, block_depth(self.rows));
        let from = row / deep * deep;
        let depth = deep.min(self.rows - from);
        let panel = from * self.columns.next_multiple_of(width) + column / width * width * depth;
        panel + (row - from) * width + column % width
    }
}

impl Clone for PackedMatrix {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), ..*self }
    }
}

impl fmt::Debug for PackedMatrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PackedMatrix")
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl Right for PackedMatrix {
    fn packed(&self, kernels: &KernelSet) -> Option<&[f32]> {
        std::ptr::eq(self.kernels, kernels).then(|| floats(&self.values))
    }

    unsafe fn pack(&self, kernels: &KernelSet, start: (usize, usize), size: [usize; 2], to: *mut f32) {
        let ([depth, columns], panel) = (size, kernels.columns);
        let values = floats(&self.values);
        for first in (0..columns).step_by(panel) {
            for k in 0..depth {
                for column in 0..panel {
                    let inside = first + column < columns;
                    let value =
                        if inside { values[self.offset(start.0 + k, start.1 + first + column)] } else { 0.0 };
                    // SAFETY: the caller vouches for room for whole panels.
                    unsafe { *to.add(first * depth + k * panel + column) = value };
                }
            }
        }
    }
}

/// [`gemm`](super::gemm) with a right-hand side that has been packed before: the same values.
///
/// # Panics
/// When the sizes do not fit each other.
///
/// ```
/// use medkernels::gemm::{Epilogue, Matrix, PackedMatrix, gemm_packed};
/// let weight = PackedMatrix::new(Matrix::new(&[1.0, 2.0, 3.0, 4.0], 2, 2));
/// let mut c = [0.0; 2];
/// gemm_packed(Matrix::new(&[1.0, 1.0], 1, 2), &weight, &Epilogue::default(), &mut c);
/// assert_eq!(c, [4.0, 6.0]);
/// ```
pub fn gemm_packed(a: Matrix<'_>, b: &PackedMatrix, epilogue: &Epilogue<'_>, c: &mut [f32]) {
    assert_eq!(a.columns(), b.rows(), "columns of the left and rows of the right factor");
    // SAFETY: the views were checked.
    unsafe { super::driver::multiply(&a, b, [a.rows(), a.columns(), b.columns()], epilogue, c) };
}
