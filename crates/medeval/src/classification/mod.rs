//! Scores and classes beside their truth.
//!
//! | question | measure |
//! |---|---|
//! | do positives score higher than negatives | [`roc_auc`], [`roc_auc_one_vs_rest`], [`RocCurve`] |
//! | how pure are the highest scores | [`average_precision`] (area under the precision-recall curve) |
//! | how many are right, class by class | [`ConfusionMatrix`]; for two classes [`ConfusionCounts`](crate::ConfusionCounts) |
//! | do probabilities mean what they say | [`Calibration`] (ECE), [`brier_score`] |

mod calibration;
mod confusion_matrix;
mod precision_recall;
mod roc;

pub use calibration::{Calibration, CalibrationBin, brier_score};
pub use confusion_matrix::ConfusionMatrix;
pub use precision_recall::average_precision;
pub use roc::{RocCurve, roc_auc, roc_auc_one_vs_rest};
