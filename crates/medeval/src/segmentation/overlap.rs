//! Dice and intersection over union of two masks.

use ndarray::{ArrayView, Dimension, Zip};

use crate::check;
use crate::confusion_counts::ConfusionCounts;
use crate::error::Result;

/// Counts voxels by what they are in the prediction and in truth.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch).
pub fn overlap<D: Dimension>(
    predicted: ArrayView<'_, bool, D>,
    truth: ArrayView<'_, bool, D>,
) -> Result<ConfusionCounts> {
    check::same_shape(predicted.shape(), truth.shape())?;
    let (mut both, mut of_predicted, mut of_truth) = (0u64, 0u64, 0u64);
    Zip::from(&predicted).and(&truth).for_each(|&p, &t| {
        both += u64::from(p & t);
        of_predicted += u64::from(p);
        of_truth += u64::from(t);
    });
    Ok(ConfusionCounts {
        true_positive: both,
        false_positive: of_predicted - both,
        false_negative: of_truth - both,
        true_negative: predicted.len() as u64 + both - of_predicted - of_truth,
    })
}

/// Dice coefficient of two masks, 0 to 1; 1 when both are empty.
///
/// ```
/// use ndarray::array;
/// let truth = array![[true, true], [false, false]];
/// let predicted = array![[true, false], [false, false]];
/// assert_eq!(medeval::segmentation::dice(predicted.view(), truth.view())?, 2.0 / 3.0);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch).
pub fn dice<D: Dimension>(predicted: ArrayView<'_, bool, D>, truth: ArrayView<'_, bool, D>) -> Result<f64> {
    Ok(overlap(predicted, truth)?.dice())
}

/// Intersection over union of two masks, 0 to 1; 1 when both are empty.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch).
pub fn iou<D: Dimension>(predicted: ArrayView<'_, bool, D>, truth: ArrayView<'_, bool, D>) -> Result<f64> {
    Ok(overlap(predicted, truth)?.iou())
}
