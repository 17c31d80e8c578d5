//! Rows of length 1.

use ndarray::{Array2, ArrayView2};

use crate::check;
use crate::error::{Error, Result};

/// Divides each row by its Euclidean length.
///
/// # Errors
/// [`Error::Undefined`] when a row is all zeros; [`Error::TooFew`], [`Error::NotFinite`].
pub fn l2_normalize(features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    check::features(features)?;
    let mut rows = features.to_owned();
    for mut row in rows.rows_mut() {
        // First to at most 1, so that squares neither overflow nor vanish.
        let largest = row.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        if largest == 0.0 {
            return Err(Error::Undefined {
                what: "the direction of a feature row",
                reason: "all its features are 0",
            });
        }
        row /= largest;
        let length = row.dot(&row).sqrt();
        row /= length;
    }
    Ok(rows)
}

/// Index of the largest value; the first of several.
pub(crate) fn argmax<'a>(values: impl IntoIterator<Item = &'a f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (at, &value) in values.into_iter().enumerate() {
        if value > best.1 {
            best = (at, value);
        }
    }
    best.0
}

/// Share of labels that are equal.
pub(crate) fn accuracy(predicted: &[usize], truth: &[usize]) -> f64 {
    predicted.iter().zip(truth).filter(|(p, t)| p == t).count() as f64 / truth.len() as f64
}
