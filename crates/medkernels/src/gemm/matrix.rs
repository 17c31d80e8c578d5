//! Views of matrices.

/// A matrix somewhere in a slice, with any strides.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    ///
    /// # Panics
    /// When `data` is shorter than `rows * columns`.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::with_strides(data, [rows, columns], [columns, 1])
    }

    /// The element of row `i` and column `j` is `data[i * strides[0] + j * strides[1]]`.
    ///
    /// # Panics
    /// When an element would lie beyond `data`.
    pub fn with_strides(data: &'a [f32], [rows, columns]: [usize; 2], strides: [usize; 2]) -> Self {
        let last = |n: usize, stride: usize| (n - 1).checked_mul(stride);
        if rows > 0 && columns > 0 {
            let end = last(rows, strides[0]).and_then(|r| last(columns, strides[1])?.checked_add(r));
            assert!(
                end.is_some_and(|end| end < data.len()),
                "a {rows} x {columns} matrix with strides {strides:?} in {} values",
                data.len()
            );
        }
        Self { data, rows, columns, row_stride: strides[0], column_stride: strides[1] }
    }

    /// Rows and columns exchanged.
    pub const fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Where an element lies, and the strides. In bounds for elements of the matrix.
    pub(crate) fn raw(&self) -> RawMatrix {
        RawMatrix { data: self.data.as_ptr(), row_stride: self.row_stride, column_stride: self.column_stride }
    }
}

/// A matrix without its bounds.
#[derive(Clone, Copy)]
pub(crate) struct RawMatrix {
    pub(crate) data: *const f32,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}
