//! Boxes of several models made one.

use super::bounding_box::{BoundingBox, ScoredBox, by_score, check_threshold};
use crate::check;
use crate::error::Result;

/// Settings of [`weighted_box_fusion`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FusionOptions {
    /// A box joins the fused box it overlaps most, if their IoU is above this.
    pub iou_threshold: f64,
    /// Boxes with a score below this are left out.
    pub least_score: f64,
}

impl Default for FusionOptions {
    /// The paper's IoU threshold of 0.55, and all boxes.
    fn default() -> Self {
        Self { iou_threshold: 0.55, least_score: 0.0 }
    }
}

/// A fused box and what it is made of, by score times the weight of the model.
struct Cluster<B> {
    fused: B,
    members: Vec<(B, f64)>,
}

/// Weighted box fusion (Solovyev, Wang and Gabruseva, arXiv 1910.13302): boxes that overlap become one, whose corners are their
/// means weighted by score.
///
/// `models` holds the boxes of each model, of one class and with scores from 0 to 1; `weights` what each model counts. A fused
/// box's score is the mean of its members' weighted scores, less where not all models found it:
/// times `min(boxes, models) / sum of weights`. Boxes come by falling score.
///
/// # Errors
/// [`Error::LengthMismatch`](crate::Error::LengthMismatch) when there is not one weight for each model,
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for weights that are not finite and at least 0, or 0 in all, and for a
/// threshold or a score that is not from 0 to 1.
pub fn weighted_box_fusion<B: BoundingBox>(
    models: &[Vec<ScoredBox<B>>],
    weights: &[f64],
    options: FusionOptions,
) -> Result<Vec<ScoredBox<B>>> {
    check::same_length("weights", models.len(), weights.len())?;
    check_threshold(options.iou_threshold)?;
    for &weight in weights {
        check::not_negative("the weight of a model", weight)?;
    }
    let total: f64 = weights.iter().sum();
    if !models.is_empty() && total <= 0.0 {
        return Err(crate::Error::OutOfRange {
            what: "the sum of weights",
            expected: "above 0",
            found: total,
        });
    }
    let mut boxes = Vec::new();
    for (model, weight) in models.iter().zip(weights) {
        for b in model {
            check::unit_interval("scores", &[b.score])?;
            if b.score >= options.least_score {
                boxes.push(ScoredBox::new(b.bounds, b.score * weight));
            }
        }
    }
    let mut clusters: Vec<Cluster<B>> = Vec::new();
    for index in by_score(&boxes)? {
        let ScoredBox { bounds, score } = boxes[index];
        match best(&clusters, &bounds, options.iou_threshold) {
            Some(at) => {
                clusters[at].members.push((bounds, score));
                clusters[at].fused = B::weighted_mean(&clusters[at].members)?;
            }
            None => clusters.push(Cluster { fused: bounds, members: vec![(bounds, score)] }),
        }
    }
    let fuse = |cluster: &Cluster<B>| {
        let count = cluster.members.len();
        let mean = cluster.members.iter().map(|(_, score)| score).sum::<f64>() / count as f64;
        ScoredBox::new(cluster.fused, mean * count.min(models.len()) as f64 / total)
    };
    let fused: Vec<_> = clusters.iter().map(fuse).collect();
    Ok(by_score(&fused)?.into_iter().map(|index| fused[index]).collect())
}

/// The cluster whose box overlaps most, if by more than a threshold.
fn best<B: BoundingBox>(clusters: &[Cluster<B>], bounds: &B, threshold: f64) -> Option<usize> {
    let mut best = (None, threshold);
    for (at, cluster) in clusters.iter().enumerate() {
        let iou = cluster.fused.iou(bounds);
        if iou > best.1 {
            best = (Some(at), iou);
        }
    }
    best.0
}
