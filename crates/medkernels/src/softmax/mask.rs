//! Which columns of a row take no part.

use crate::simd::Rows;

/// Rows of a mask `[rows / repeats, width]`, each of which serves `repeats` rows of a matrix on end.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a> {
    excluded: &'a [bool],
    width: usize,
    repeats: usize,
    first_row: usize,
    rows: usize,
}

impl<'a> Mask<'a> {
    /// # Panics
    ///
    /// If `excluded` is not whole rows, or `rows` not a multiple of their number.
    pub(super) fn new(excluded: &'a [bool], width: usize, rows: usize) -> Self {
        let mask_rows = excluded.len() / width.max(1);
        assert!(
            mask_rows * width == excluded.len()
                && (rows == 0 || mask_rows > 0 && rows.is_multiple_of(mask_rows)),
            "a mask of {} does not serve {rows} rows of {width}",
            excluded.len(),
        );
        Self { excluded, width, repeats: rows / mask_rows.max(1), first_row: 0, rows }
    }

    /// The mask of row `row`.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &'a [bool] {
        let row = (self.first_row + row) / self.repeats.max(1);
        &self.excluded[row * self.width..][..self.width]
    }
}

impl Rows for Mask<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn split(self, row: usize) -> (Self, Self) {
        let rest = Self { first_row: self.first_row + row, rows: self.rows - row, ..self };
        (Self { rows: row, ..self }, rest)
    }
}
