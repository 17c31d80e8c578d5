//! The receiver operating characteristic.

use ndarray::ArrayView2;

use crate::check;
use crate::error::{Error, Result};
use crate::statistics::mid_ranks;

/// Checks scores of two classes; gives the numbers of positives and negatives.
pub(crate) fn check_scores(what: &'static str, scores: &[f64], truth: &[bool]) -> Result<(usize, usize)> {
    check::same_length("truth", scores.len(), truth.len())?;
    check::all_finite("scores", scores)?;
    let positives = truth.iter().filter(|t| **t).count();
    match (positives, truth.len() - positives) {
        (0, _) | (_, 0) => Err(Error::OneClass { what }),
        counts => Ok(counts),
    }
}

/// Groups of equal scores from the highest down: score, positives and negatives of each.
pub(crate) fn score_groups(scores: &[f64], truth: &[bool]) -> Vec<(f64, usize, usize)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut groups: Vec<(f64, usize, usize)> = Vec::new();
    for index in order {
        let (positive, negative) = (usize::from(truth[index]), usize::from(!truth[index]));
        match groups.last_mut() {
            Some(group) if group.0 == scores[index] => {
                group.1 += positive;
                group.2 += negative;
            }
            _ => groups.push((scores[index], positive, negative)),
        }
    }
    groups
}

/// Area under the ROC curve: the chance that a positive scores higher than a negative, ties counting half (Hanley and McNeil 1982).
///
/// ```
/// let auc = medeval::classification::roc_auc(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true])?;
/// assert_eq!(auc, 0.875);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::LengthMismatch`], [`Error::NotFinite`] for scores, [`Error::OneClass`] without positives or negatives.
pub fn roc_auc(scores: &[f64], truth: &[bool]) -> Result<f64> {
    let (positives, negatives) = check_scores("ROC AUC", scores, truth)?;
    let ranks = mid_ranks(scores)?;
    let sum: f64 = ranks.iter().zip(truth).filter(|(_, t)| **t).map(|(rank, _)| rank).sum();
    let (positives, negatives) = (positives as f64, negatives as f64);
    Ok((sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// Mean over classes of the ROC AUC of each class against the rest.
///
/// `scores` is `[items, classes]`.
///
/// # Errors
/// [`Error::LengthMismatch`], [`Error::ClassOutOfRange`], [`Error::NotFinite`], [`Error::OneClass`] when a class has no items.
pub fn roc_auc_one_vs_rest(scores: ArrayView2<'_, f64>, truth: &[usize]) -> Result<f64> {
    check::same_length("truth", scores.nrows(), truth.len())?;
    check::at_least("classes", 2, scores.ncols())?;
    check::classes_in_range(truth, scores.ncols())?;
    let mut sum = 0.0;
    for (class, column) in scores.columns().into_iter().enumerate() {
        let is_class: Vec<bool> = truth.iter().map(|t| *t == class).collect();
        sum += roc_auc(&column.to_vec(), &is_class)?;
    }
    Ok(sum / scores.ncols() as f64)
}

/// True over false positive rate, threshold by threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    /// Infinite, then each score that occurs, falling: items from it up count as positive.
    pub thresholds: Vec<f64>,
    /// 1 - specificity at each threshold, from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// Sensitivity at each threshold, from 0 to 1.
    pub true_positive_rate: Vec<f64>,
}

impl RocCurve {
    /// All points of the curve.
    ///
    /// # Errors
    /// As [`roc_auc`].
    pub fn of(scores: &[f64], truth: &[bool]) -> Result<Self> {
        let (positives, negatives) = check_scores("the ROC curve", scores, truth)?;
        let mut curve = Self {
            thresholds: vec![f64::INFINITY],
            false_positive_rate: vec![0.0],
            true_positive_rate: vec![0.0],
        };
        let (mut found, mut wrong) = (0, 0);
        for (score, positive, negative) in score_groups(scores, truth) {
            found += positive;
            wrong += negative;
            curve.thresholds.push(score);
            curve.false_positive_rate.push(wrong as f64 / negatives as f64);
            curve.true_positive_rate.push(found as f64 / positives as f64);
        }
        Ok(curve)
    }
}
