//! Overlap of label maps, label by label.

use std::collections::BTreeMap;

use ndarray::{ArrayView, Dimension, Zip};

use crate::check;
use crate::confusion_counts::ConfusionCounts;
use crate::error::{Error, Result};

/// Confusion counts of every label of two label maps; several images can be counted together.
///
/// Label 0 is the background and has no counts of its own.
///
/// ```
/// use medeval::segmentation::LabelOverlaps;
/// use ndarray::array;
/// let truth = array![[1u16, 1, 2, 0]];
/// let predicted = array![[1u16, 2, 2, 0]];
/// let overlaps = LabelOverlaps::of(predicted.view(), truth.view())?;
/// assert_eq!(overlaps.counts(1).dice(), 2.0 / 3.0);
/// assert_eq!(overlaps.mean_iou(&overlaps.labels())?, 0.5);
/// # Ok::<(), medeval::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelOverlaps {
    labels: BTreeMap<u16, ConfusionCounts>,
    total: u64,
}

impl LabelOverlaps {
    /// Counts the voxels of each label.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`].
    pub fn of<D: Dimension>(predicted: ArrayView<'_, u16, D>, truth: ArrayView<'_, u16, D>) -> Result<Self> {
        check::same_shape(predicted.shape(), truth.shape())?;
        let labels = usize::from(u16::MAX) + 1;
        let (mut both, mut of_predicted, mut of_truth) =
            (vec![0u64; labels], vec![0u64; labels], vec![0u64; labels]);
        Zip::from(&predicted).and(&truth).for_each(|&p, &t| {
            of_predicted[usize::from(p)] += 1;
            of_truth[usize::from(t)] += 1;
            if p == t {
                both[usize::from(p)] += 1;
            }
        });
        let total = predicted.len() as u64;
        let counts = |label: u16| {
            let at = usize::from(label);
            let (both, predicted, truth) = (both[at], of_predicted[at], of_truth[at]);
            (predicted + truth > 0).then_some((
                label,
                ConfusionCounts {
                    true_positive: both,
                    false_positive: predicted - both,
                    false_negative: truth - both,
                    true_negative: total + both - predicted - truth,
                },
            ))
        };
        Ok(Self { labels: (1..=u16::MAX).filter_map(counts).collect(), total })
    }

    /// Both counted together, as over the images of a data set.
    pub fn merged(&self, other: &Self) -> Self {
        let both = self.labels.keys().chain(other.labels.keys());
        let labels = both.map(|&l| (l, self.counts(l).merged(other.counts(l)))).collect();
        Self { labels, total: self.total + other.total }
    }

    /// The labels that occur in the prediction or in truth, ascending, without the background.
    pub fn labels(&self) -> Vec<u16> {
        self.labels.keys().copied().collect()
    }

    /// Counts of one label; one that does not occur has true negatives only, so its Dice and IoU are 1.
    pub fn counts(&self, label: u16) -> ConfusionCounts {
        let absent = ConfusionCounts { true_negative: self.total, ..ConfusionCounts::default() };
        self.labels.get(&label).copied().unwrap_or(absent)
    }

    /// Mean Dice of some labels, each counting the same.
    ///
    /// # Errors
    /// [`Error::TooFew`] without labels.
    pub fn mean_dice(&self, labels: &[u16]) -> Result<f64> {
        self.mean(labels, ConfusionCounts::dice)
    }

    /// Mean IoU of some labels, each counting the same.
    ///
    /// # Errors
    /// [`Error::TooFew`] without labels.
    pub fn mean_iou(&self, labels: &[u16]) -> Result<f64> {
        self.mean(labels, ConfusionCounts::iou)
    }

    fn mean(&self, labels: &[u16], measure: impl Fn(&ConfusionCounts) -> f64) -> Result<f64> {
        if labels.is_empty() {
            return Err(Error::TooFew { what: "labels", expected: 1, found: 0 });
        }
        Ok(labels.iter().map(|&l| measure(&self.counts(l))).sum::<f64>() / labels.len() as f64)
    }
}
