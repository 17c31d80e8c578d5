//! Enhanced-alignment measure of a foreground map.

use ndarray::ArrayView2;

use super::mean_absolute_error::check_map;
use crate::error::Result;

/// Grey levels the map is cut at.
const LEVELS: usize = 256;

/// E-measure of a foreground map cut at many thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct EMeasure {
    adaptive: f64,
    curve: Vec<f64>,
}

impl EMeasure {
    /// At the adaptive threshold, twice the mean of the map (at most 1).
    pub const fn adaptive(&self) -> f64 {
        self.adaptive
    }

    /// At the thresholds 255/255, 254/255 ... 0 of the map in 256 grey levels.
    pub fn curve(&self) -> &[f64] {
        &self.curve
    }

    /// Mean over the thresholds: what papers mostly call the E-measure.
    pub fn mean(&self) -> f64 {
        self.curve.iter().sum::<f64>() / self.curve.len() as f64
    }

    /// The best over the thresholds.
    pub fn max(&self) -> f64 {
        self.curve.iter().copied().fold(0.0, f64::max)
    }
}

/// E-measure (Fan et al., "Enhanced-alignment Measure for Binary Foreground Map Evaluation", IJCAI 2018), 0 to 1: pixels and the
/// image's means compared in one term.
///
/// `predicted` holds numbers from 0 to 1, `[row, column]`, and is taken as it is. As in the published code the sum is divided by
/// one pixel less than there are, so a perfect map can score a little over 1.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::OutOfRange`](crate::Error::OutOfRange) for values that are
/// not from 0 to 1, [`Error::TooFew`](crate::Error::TooFew) with less than two pixels.
pub fn e_measure(predicted: ArrayView2<'_, f32>, truth: ArrayView2<'_, bool>) -> Result<EMeasure> {
    check_map(predicted, truth)?;
    crate::check::at_least("pixels", 2, predicted.len())?;
    let pixels = || predicted.iter().map(|p| f64::from(*p)).zip(truth.iter().copied());
    let total = predicted.len() as f64;
    let positive = truth.iter().filter(|t| **t).count() as f64;

    let threshold = (2.0 * pixels().map(|(p, _)| p).sum::<f64>() / total).min(1.0);
    let (mut found, mut wrong) = (0.0, 0.0);
    for (_, truth) in pixels().filter(|(p, _)| *p >= threshold) {
        *if truth { &mut found } else { &mut wrong } += 1.0;
    }
    let adaptive = alignment(found, wrong, positive, total);

    let mut histogram = [[0.0f64; 2]; LEVELS];
    for (p, truth) in pixels() {
        histogram[(p * 255.0) as usize][usize::from(truth)] += 1.0;
    }
    let (mut found, mut wrong) = (0.0, 0.0);
    let cut = |[negatives, positives]: &[f64; 2]| {
        found += positives;
        wrong += negatives;
        alignment(found, wrong, positive, total)
    };
    Ok(EMeasure { adaptive, curve: histogram.iter().rev().map(cut).collect() })
}

/// The measure of a binary map with so many right and wrong foreground pixels.
fn alignment(found: f64, wrong: f64, positive: f64, total: f64) -> f64 {
    let foreground = found + wrong;
    let sum = if positive == 0.0 {
        total - foreground
    } else if positive == total {
        foreground
    } else {
        let (mean, mean_truth) = (foreground / total, positive / total);
        let missed = positive - found;
        let parts = [
            (found, 1.0 - mean, 1.0 - mean_truth),
            (wrong, 1.0 - mean, -mean_truth),
            (missed, -mean, 1.0 - mean_truth),
            (total - foreground - missed, -mean, -mean_truth),
        ];
        parts.iter().map(|&(count, p, t)| count * enhanced(p, t)).sum()
    };
    sum / (total - 1.0 + f64::EPSILON)
}

/// Equations 3 and 4 of the paper: how far two deviations from their means agree.
fn enhanced(predicted: f64, truth: f64) -> f64 {
    let alignment = 2.0 * predicted * truth / (predicted * predicted + truth * truth + f64::EPSILON);
    (alignment + 1.0) * (alignment + 1.0) / 4.0
}
