//! True and false positives and negatives.

use crate::check;
use crate::error::Result;

/// How many items (images, voxels, boxes) were found, missed, wrongly found and rightly left.
///
/// The ratios follow one rule for empty sets: where nothing was to be found and nothing was found the answer is 1, where
/// only one of the two is empty it is 0. Ratios of a single set return `None` when that set is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfusionCounts {
    /// Positive in both.
    pub true_positive: u64,
    /// Predicted positive, negative in truth.
    pub false_positive: u64,
    /// Predicted negative, positive in truth.
    pub false_negative: u64,
    /// Negative in both.
    pub true_negative: u64,
}

impl ConfusionCounts {
    /// From predictions and truth, item by item.
    ///
    /// ```
    /// use medeval::ConfusionCounts;
    /// let counts = ConfusionCounts::of(&[true, true, false, false], &[true, false, false, true])?;
    /// assert_eq!(counts.f1(), 0.5);
    /// assert_eq!(counts.sensitivity(), Some(0.5));
    /// # Ok::<(), medeval::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch).
    pub fn of(predicted: &[bool], truth: &[bool]) -> Result<Self> {
        check::same_length("truth", predicted.len(), truth.len())?;
        let mut counts = Self::default();
        for (&p, &t) in predicted.iter().zip(truth) {
            counts.add(p, t);
        }
        Ok(counts)
    }

    /// Counts one item.
    pub fn add(&mut self, predicted: bool, truth: bool) {
        *match (predicted, truth) {
            (true, true) => &mut self.true_positive,
            (true, false) => &mut self.false_positive,
            (false, true) => &mut self.false_negative,
            (false, false) => &mut self.true_negative,
        } += 1;
    }

    /// Both counted together, as over the images of a data set.
    pub const fn merged(self, other: Self) -> Self {
        Self {
            true_positive: self.true_positive + other.true_positive,
            false_positive: self.false_positive + other.false_positive,
            false_negative: self.false_negative + other.false_negative,
            true_negative: self.true_negative + other.true_negative,
        }
    }

    /// All items.
    pub const fn total(&self) -> u64 {
        self.true_positive + self.false_positive + self.false_negative + self.true_negative
    }

    /// Dice coefficient, 2 TP / (2 TP + FP + FN) (Dice 1945); 1 when both sets are empty. The same number as [`f1`](Self::f1).
    pub fn dice(&self) -> f64 {
        let both = 2 * self.true_positive;
        quotient(both, both + self.false_positive + self.false_negative).unwrap_or(1.0)
    }

    /// F1 score, the harmonic mean of precision and sensitivity; 1 when both sets are empty.
    pub fn f1(&self) -> f64 {
        self.dice()
    }

    /// F-beta score: sensitivity counts `beta` times as much as precision; 1 when both sets are empty.
    pub fn f_beta(&self, beta: f64) -> f64 {
        let weight = beta * beta;
        let found = (1.0 + weight) * self.true_positive as f64;
        let all = found + weight * self.false_negative as f64 + self.false_positive as f64;
        if all > 0.0 { found / all } else { 1.0 }
    }

    /// Intersection over union, TP / (TP + FP + FN) (Jaccard 1912); 1 when both sets are empty.
    pub fn iou(&self) -> f64 {
        let union = self.true_positive + self.false_positive + self.false_negative;
        quotient(self.true_positive, union).unwrap_or(1.0)
    }

    /// Sensitivity, recall, true positive rate: TP / (TP + FN); `None` without positives.
    pub fn sensitivity(&self) -> Option<f64> {
        quotient(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Specificity, true negative rate: TN / (TN + FP); `None` without negatives.
    pub fn specificity(&self) -> Option<f64> {
        quotient(self.true_negative, self.true_negative + self.false_positive)
    }

    /// Precision, positive predictive value: TP / (TP + FP); `None` when nothing was predicted positive.
    pub fn precision(&self) -> Option<f64> {
        quotient(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Negative predictive value: TN / (TN + FN); `None` when nothing was predicted negative.
    pub fn negative_predictive_value(&self) -> Option<f64> {
        quotient(self.true_negative, self.true_negative + self.false_negative)
    }

    /// Share of items that are right; `None` without items.
    pub fn accuracy(&self) -> Option<f64> {
        quotient(self.true_positive + self.true_negative, self.total())
    }

    /// Mean of sensitivity and specificity; `None` when a class has no items.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        Some((self.sensitivity()? + self.specificity()?) / 2.0)
    }
}

fn quotient(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
