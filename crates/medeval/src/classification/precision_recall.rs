//! Area under the precision-recall curve.

use super::roc::{check_scores, score_groups};
use crate::error::Result;

/// Average precision: the sum over thresholds of precision times the gain in recall.
///
/// This is the area under the precision-recall curve by steps, which unlike straight lines between its points does not
/// flatter (Davis and Goadrich, ICML 2006). A scorer that knows nothing gets the share of positives.
///
/// # Errors
/// As [`roc_auc`](super::roc_auc).
pub fn average_precision(scores: &[f64], truth: &[bool]) -> Result<f64> {
    let (positives, _) = check_scores("average precision", scores, truth)?;
    let (mut found, mut kept, mut area) = (0, 0, 0.0);
    for (_, positive, negative) in score_groups(scores, truth) {
        found += positive;
        kept += positive + negative;
        area += found as f64 / kept as f64 * positive as f64 / positives as f64;
    }
    Ok(area)
}
