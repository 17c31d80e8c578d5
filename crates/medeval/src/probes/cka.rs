//! How alike two encoders see the same items.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::check;
use crate::error::{Error, Result};

/// Linear centred kernel alignment of two feature sets of the same items, 0 to 1 (Kornblith et al., ICML 2019).
///
/// `x` and `y` are `[items, features]` and may have different numbers of features. It does not change when features are rotated, shifted
/// or scaled as a whole. With few items and many features it is near 1 for anything; see [`linear_cka_debiased`].
///
/// # Errors
/// [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::TooFew`] with less than 2 items, [`Error::Undefined`] when all items of a set
/// are the same.
pub fn linear_cka(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Result<f64> {
    let (x, y) = centred(x, y, 2)?;
    let similarity = |a: &Array2<f64>, b: &Array2<f64>| squares(&a.t().dot(b));
    alignment(similarity(&x, &y), similarity(&x, &x), similarity(&y, &y))
}

/// Linear CKA with the unbiased estimator of HSIC (Song et al., JMLR 2012; Nguyen et al., ICLR 2021): 0 on average for features
/// that have nothing in common, however many there are; it can be a little below 0.
///
/// # Errors
/// As [`linear_cka`]; at least 4 items are needed.
pub fn linear_cka_debiased(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Result<f64> {
    let (x, y) = centred(x, y, 4)?;
    alignment(unbiased(&x, &y), unbiased(&x, &x), unbiased(&y, &y))
}

/// Features about their means, of a size that neither overflows nor vanishes when squared.
fn centred(
    x: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    least: usize,
) -> Result<(Array2<f64>, Array2<f64>)> {
    check::features(x)?;
    check::features(y)?;
    check::same_length("items", x.nrows(), y.nrows())?;
    check::at_least("items", least, x.nrows())?;
    let centre = |v: ArrayView2<'_, f64>| {
        let centred = &v - &(v.sum_axis(Axis(0)) / v.nrows() as f64);
        let largest = centred.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        centred / scale
    };
    Ok((centre(x), centre(y)))
}

fn alignment(both: f64, x: f64, y: f64) -> Result<f64> {
    if x > 0.0 && y > 0.0 {
        Ok(both / (x.sqrt() * y.sqrt()))
    } else {
        Err(Error::Undefined { what: "CKA", reason: "the items of a set do not differ" })
    }
}

/// Unbiased HSIC times n (n - 3), by sums over features instead of an items x items matrix.
///
/// With K = x x^T and L = y y^T without their diagonals: tr(K L) + 1K1 1L1 / ((n-1)(n-2)) - 2 1KL1 / (n-2).
fn unbiased(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let n = x.nrows() as f64;
    let diagonal =
        |v: &Array2<f64>| -> Array1<f64> { v.rows().into_iter().map(|row| row.dot(&row)).collect() };
    let (k, l) = (diagonal(x), diagonal(y));
    let row_sums = |v: &Array2<f64>, diagonal: &Array1<f64>| v.dot(&v.sum_axis(Axis(0))) - diagonal;
    let (k_rows, l_rows) = (row_sums(x, &k), row_sums(y, &l));
    let trace = squares(&x.t().dot(y)) - k.dot(&l);
    trace + k_rows.sum() * l_rows.sum() / ((n - 1.0) * (n - 2.0)) - 2.0 * k_rows.dot(&l_rows) / (n - 2.0)
}

fn squares(m: &Array2<f64>) -> f64 {
    m.iter().map(|v| v * v).sum()
}
