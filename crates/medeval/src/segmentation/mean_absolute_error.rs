//! Mean absolute error of a foreground map.

use ndarray::{ArrayView2, Zip};

use crate::check;
use crate::error::Result;

/// Checks a map of foreground probabilities and its truth.
pub(crate) fn check_map(predicted: ArrayView2<'_, f32>, truth: ArrayView2<'_, bool>) -> Result<()> {
    check::same_shape(predicted.shape(), truth.shape())?;
    check::at_least("pixels", 1, predicted.len())?;
    check::probabilities("the foreground map", predicted)
}

/// Mean of |prediction - truth| over the pixels, 0 to 1, less is better (Perazzi et al., CVPR 2012).
///
/// `predicted` holds numbers from 0 to 1, `[row, column]`.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::OutOfRange`](crate::Error::OutOfRange) for values that are
/// not from 0 to 1, [`Error::TooFew`](crate::Error::TooFew) without pixels.
pub fn mean_absolute_error(predicted: ArrayView2<'_, f32>, truth: ArrayView2<'_, bool>) -> Result<f64> {
    check_map(predicted, truth)?;
    let sum = Zip::from(predicted).and(truth).fold(0.0, |sum, &p, &t| {
        let expected = if t { 1.0 } else { 0.0 };
        sum + (f64::from(p) - expected).abs()
    });
    Ok(sum / predicted.len() as f64)
}
