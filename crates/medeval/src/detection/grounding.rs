//! Boxes that stand for phrases.

use super::bounding_box::{BoundingBox, check_threshold};
use super::matching::match_boxes;
use crate::check;
use crate::error::Result;

/// IoU of each predicted box with the true box of its phrase; 0 where no box was predicted.
///
/// # Errors
/// [`Error::LengthMismatch`](crate::Error::LengthMismatch).
pub fn paired_iou<B: BoundingBox>(predicted: &[Option<B>], truth: &[B]) -> Result<Vec<f64>> {
    check::same_length("true boxes", predicted.len(), truth.len())?;
    let iou = |(p, t): (&Option<B>, &B)| p.as_ref().map_or(0.0, |p| p.iou(t));
    Ok(predicted.iter().zip(truth).map(iou).collect())
}

/// Mean of the IoUs of [`paired_iou`] (mIoU of phrase grounding).
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew) without phrases, [`Error::OutOfRange`](crate::Error::OutOfRange) for an IoU that is
/// not from 0 to 1.
pub fn mean_iou(ious: &[f64]) -> Result<f64> {
    check::at_least("phrases", 1, ious.len())?;
    check::unit_interval("IoU", ious)?;
    Ok(ious.iter().sum::<f64>() / ious.len() as f64)
}

/// Share of phrases whose IoU of [`paired_iou`] reaches a threshold (Acc@t of phrase grounding).
///
/// # Errors
/// As [`mean_iou`]; [`Error::OutOfRange`](crate::Error::OutOfRange) when the threshold is not from 0 to 1.
pub fn accuracy_at_iou(ious: &[f64], threshold: f64) -> Result<f64> {
    check::at_least("phrases", 1, ious.len())?;
    check::unit_interval("IoU", ious)?;
    check_threshold(threshold)?;
    Ok(ious.iter().filter(|iou| **iou >= threshold).count() as f64 / ious.len() as f64)
}

/// F1 of the set of boxes of one phrase: 2 pairs / (predicted + true), where pairs are those of [`match_boxes`] at a threshold.
///
/// 1 when there is nothing to find and nothing was found, 0 when only one of the sets is empty. The mean over phrases is
/// set-F1@t; the share of phrases with 1 is Precision@(F1 = 1) of generalised grounding (gRefCOCO).
///
/// ```
/// use medcore::PixelBox;
/// use medeval::detection::set_f1;
/// let left = PixelBox::new(0.0, 0.0, 4.0, 4.0)?;
/// let right = PixelBox::new(8.0, 0.0, 12.0, 4.0)?;
/// assert_eq!(set_f1(&[left], &[right, left], 0.5)?, 2.0 / 3.0);
/// assert_eq!(set_f1::<PixelBox>(&[], &[], 0.5)?, 1.0);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) when the threshold is not from 0 to 1.
pub fn set_f1<B: BoundingBox>(predicted: &[B], truth: &[B], threshold: f64) -> Result<f64> {
    Ok(match_boxes(predicted, truth, threshold)?.counts().f1())
}
