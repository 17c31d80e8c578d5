//! Systems of linear equations with a symmetric positive definite matrix.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use crate::error::{Error, Result};

/// Solves `matrix x = right` for all columns of `right` by Cholesky factorisation.
///
/// # Errors
/// [`Error::NotPositiveDefinite`].
pub(crate) fn solve(matrix: ArrayView2<'_, f64>, right: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let lower = factor(matrix)?;
    let mut solution = right.to_owned();
    for row in 0..lower.nrows() {
        let known = lower.slice(s![row, ..row]).dot(&solution.slice(s![..row, ..]));
        let mut target = solution.row_mut(row);
        target -= &known;
        target /= lower[[row, row]];
    }
    for row in (0..lower.nrows()).rev() {
        let known = lower.slice(s![row + 1.., row]).dot(&solution.slice(s![row + 1.., ..]));
        let mut target = solution.row_mut(row);
        target -= &known;
        target /= lower[[row, row]];
    }
    Ok(solution)
}

/// The lower triangle L with L L^T = matrix.
fn factor(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let size = matrix.nrows();
    let mut lower = Array2::<f64>::zeros((size, size));
    for row in 0..size {
        let (above, mut rest) = lower.view_mut().split_at(Axis(0), row);
        let mut own = rest.row_mut(0);
        for column in 0..row {
            let other = above.row(column);
            let known = dot(own.slice(s![..column]), other.slice(s![..column]));
            own[column] = (matrix[[row, column]] - known) / other[column];
        }
        let pivot = matrix[[row, row]] - dot(own.slice(s![..row]), own.slice(s![..row]));
        let rounding = matrix[[row, row]].abs() * f64::EPSILON * size as f64;
        if pivot.is_nan() || pivot <= rounding {
            return Err(Error::NotPositiveDefinite { size });
        }
        own[row] = pivot.sqrt();
    }
    Ok(lower)
}

fn dot(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.dot(&b)
}
