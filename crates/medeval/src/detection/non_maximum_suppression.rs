//! Only the surest of boxes that overlap.

use super::bounding_box::{BoundingBox, ScoredBox, by_score, check_threshold};
use crate::error::Result;

/// Indices of the boxes that are kept, by falling score: each has an IoU of at most `iou_threshold` with all that were kept
/// before it (greedy non-maximum suppression).
///
/// # Errors
/// [`Error::NotFinite`](crate::Error::NotFinite) when a score is not finite, [`Error::OutOfRange`](crate::Error::OutOfRange)
/// when the threshold is not from 0 to 1.
pub fn non_maximum_suppression<B: BoundingBox>(
    boxes: &[ScoredBox<B>],
    iou_threshold: f64,
) -> Result<Vec<usize>> {
    check_threshold(iou_threshold)?;
    let mut kept: Vec<usize> = Vec::new();
    for index in by_score(boxes)? {
        if kept.iter().all(|&k| boxes[k].bounds.iou(&boxes[index].bounds) <= iou_threshold) {
            kept.push(index);
        }
    }
    Ok(kept)
}
