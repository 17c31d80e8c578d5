//! Which predicted box stands for which true one.

use super::assignment::linear_assignment;
use super::bounding_box::{BoundingBox, check_threshold, iou_matrix};
use crate::confusion_counts::ConfusionCounts;
use crate::error::Result;

/// A predicted and a true box that belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxPair {
    /// Index of the predicted box.
    pub predicted: usize,
    /// Index of the true box.
    pub truth: usize,
    /// Their intersection over union.
    pub iou: f64,
}

/// Pairs of predicted and true boxes, each box in one pair at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// By rising index of the predicted box.
    pub pairs: Vec<BoxPair>,
    /// Predicted boxes, paired or not.
    pub predicted: usize,
    /// True boxes, paired or not.
    pub truth: usize,
}

impl Matching {
    /// Pairs are true positives, what is left over is false; there are no true negatives among boxes.
    pub const fn counts(&self) -> ConfusionCounts {
        let pairs = self.pairs.len();
        ConfusionCounts {
            true_positive: pairs as u64,
            false_positive: (self.predicted - pairs) as u64,
            false_negative: (self.truth - pairs) as u64,
            true_negative: 0,
        }
    }
}

/// Pairs predicted with true boxes one to one, where their IoU reaches `threshold`: as many pairs as possible, and of these
/// the ones with the largest sum of IoU.
///
/// This is optimal assignment; the greedy matching by score that average precision asks for is in
/// [`DetectionCurve`](super::DetectionCurve). Boxes that do not overlap are never paired.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) when the threshold is not from 0 to 1.
pub fn match_boxes<B: BoundingBox>(predicted: &[B], truth: &[B], threshold: f64) -> Result<Matching> {
    check_threshold(threshold)?;
    let iou = iou_matrix(predicted, truth);
    let fits = |iou: f64| iou >= threshold && iou > 0.0;
    // One pair more outweighs all the IoU there can be.
    let pair = 1.0 + predicted.len().min(truth.len()) as f64;
    let cost = iou.mapv(|iou| if fits(iou) { -pair - iou } else { 0.0 });
    let pairs = linear_assignment(cost.view())?.into_iter();
    let pairs = pairs.map(|(p, t)| BoxPair { predicted: p, truth: t, iou: iou[[p, t]] });
    Ok(Matching {
        pairs: pairs.filter(|pair| fits(pair.iou)).collect(),
        predicted: predicted.len(),
        truth: truth.len(),
    })
}
