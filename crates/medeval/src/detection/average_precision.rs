//! Average precision of scored boxes over many images.

use super::bounding_box::{BoundingBox, ScoredBox, by_score, check_threshold};
use crate::error::{Error, Result};

/// Recalls that COCO reads the precision at: 0, 0.01 ... 1.
const COCO_RECALLS: usize = 101;
/// COCO's IoU thresholds: 0.5, 0.55 ... 0.95.
const COCO_THRESHOLDS: usize = 10;
/// A threshold of 1 must still be reached by boxes that are equal within rounding.
const LARGEST_THRESHOLD: f64 = 1.0 - 1e-10;

/// The boxes of one image and one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageBoxes<B> {
    /// What the model found, in any order.
    pub predicted: Vec<ScoredBox<B>>,
    /// What is there.
    pub truth: Vec<B>,
}

/// Precision over recall of one class at one IoU threshold.
///
/// In each image, predicted boxes take by falling score the free true box of largest IoU, if it reaches the threshold: the
/// protocol of PASCAL VOC and COCO (pycocotools, one area range, no limit on the number of boxes, no crowds).
#[derive(Debug, Clone, PartialEq)]
pub struct DetectionCurve {
    scores: Vec<f64>,
    precision: Vec<f64>,
    recall: Vec<f64>,
}

impl DetectionCurve {
    /// Matches the boxes of all images.
    ///
    /// # Errors
    /// [`Error::Undefined`] when no image has a true box, [`Error::NotFinite`] when a score is not finite,
    /// [`Error::OutOfRange`] when the threshold is not from 0 to 1.
    pub fn of<B: BoundingBox>(images: &[ImageBoxes<B>], iou_threshold: f64) -> Result<Self> {
        check_threshold(iou_threshold)?;
        let truths: usize = images.iter().map(|image| image.truth.len()).sum();
        if truths == 0 {
            return Err(Error::Undefined { what: "average precision", reason: "no image has a true box" });
        }
        let mut hits: Vec<(f64, bool)> = Vec::new();
        for image in images {
            hits.extend(greedy_hits(image, iou_threshold.min(LARGEST_THRESHOLD))?);
        }
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut found = 0usize;
        let (mut precision, mut recall) = (Vec::with_capacity(hits.len()), Vec::with_capacity(hits.len()));
        for (at, (_, hit)) in hits.iter().enumerate() {
            found += usize::from(*hit);
            precision.push(found as f64 / (at + 1) as f64);
            recall.push(found as f64 / truths as f64);
        }
        Ok(Self { scores: hits.into_iter().map(|(score, _)| score).collect(), precision, recall })
    }

    /// Scores of all predicted boxes, falling.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Precision when the boxes from each score up are kept.
    pub fn precision(&self) -> &[f64] {
        &self.precision
    }

    /// Recall when the boxes from each score up are kept.
    pub fn recall(&self) -> &[f64] {
        &self.recall
    }

    /// Average precision over all points: the area under the precision that no later point exceeds (PASCAL VOC 2010 on).
    pub fn average_precision(&self) -> f64 {
        let envelope = self.envelope();
        let mut before = 0.0;
        let mut area = 0.0;
        for (recall, precision) in self.recall.iter().zip(envelope) {
            area += (recall - before) * precision;
            before = *recall;
        }
        area
    }

    /// Average precision at the 101 recalls 0, 0.01 ... 1 (COCO).
    pub fn average_precision_101(&self) -> f64 {
        let envelope = self.envelope();
        let at = |index: usize| {
            // As pycocotools rounds them.
            let recall = index as f64 * 0.01;
            envelope.get(self.recall.partition_point(|r| *r < recall)).copied().unwrap_or(0.0)
        };
        (0..COCO_RECALLS).map(at).sum::<f64>() / COCO_RECALLS as f64
    }

    /// For each point the largest precision from there on.
    fn envelope(&self) -> Vec<f64> {
        let mut envelope = self.precision.clone();
        for at in (1..envelope.len()).rev() {
            envelope[at - 1] = envelope[at - 1].max(envelope[at]);
        }
        envelope
    }
}

/// COCO's AP, the mean of [`DetectionCurve::average_precision_101`] over the IoU thresholds 0.5, 0.55 ... 0.95.
///
/// # Errors
/// As [`DetectionCurve::of`].
pub fn coco_average_precision<B: BoundingBox>(images: &[ImageBoxes<B>]) -> Result<f64> {
    let mut sum = 0.0;
    for step in 0..COCO_THRESHOLDS {
        sum += DetectionCurve::of(images, 0.5 + 0.05 * step as f64)?.average_precision_101();
    }
    Ok(sum / COCO_THRESHOLDS as f64)
}

/// For each predicted box, by falling score, its score and whether it takes a true box.
fn greedy_hits<B: BoundingBox>(image: &ImageBoxes<B>, threshold: f64) -> Result<Vec<(f64, bool)>> {
    let mut free = vec![true; image.truth.len()];
    let take = |index: usize| {
        let predicted = &image.predicted[index];
        let mut best: Option<(usize, f64)> = None;
        for (at, truth) in image.truth.iter().enumerate().filter(|(at, _)| free[*at]) {
            let iou = predicted.bounds.iou(truth);
            if iou >= best.map_or(threshold, |(_, iou)| iou) {
                best = Some((at, iou));
            }
        }
        if let Some((at, _)) = best {
            free[at] = false;
        }
        (predicted.score, best.is_some())
    };
    Ok(by_score(&image.predicted)?.into_iter().map(take).collect())
}
