//! Whether probabilities mean what they say.

use crate::check;
use crate::error::Result;

/// Items whose probabilities lie in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CalibrationBin {
    /// How many items.
    pub count: usize,
    /// Mean of their probabilities; 0 without items.
    pub mean_probability: f64,
    /// Share of them for which it came true; 0 without items.
    pub frequency: f64,
}

/// Predicted probabilities beside observed frequencies, in intervals of equal width (a reliability diagram).
///
/// For two classes give the probability of the positive class and whether the item is positive. For many classes give the
/// probability of the predicted class and whether it is right.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    bins: Vec<CalibrationBin>,
}

impl Calibration {
    /// Sorts items into `bins` intervals of 0 to 1; a value on a border belongs to the upper one.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch), [`Error::TooFew`](crate::Error::TooFew) without items or bins,
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for probabilities that are not from 0 to 1.
    pub fn of(probabilities: &[f64], came_true: &[bool], bins: usize) -> Result<Self> {
        check::same_length("outcomes", probabilities.len(), came_true.len())?;
        check::at_least("items", 1, probabilities.len())?;
        check::at_least("bins", 1, bins)?;
        check::unit_interval("a probability", probabilities)?;
        let mut found = vec![CalibrationBin::default(); bins];
        for (&p, &t) in probabilities.iter().zip(came_true) {
            let bin = &mut found[((p * bins as f64) as usize).min(bins - 1)];
            bin.count += 1;
            bin.mean_probability += p;
            bin.frequency += f64::from(u8::from(t));
        }
        for bin in found.iter_mut().filter(|bin| bin.count > 0) {
            bin.mean_probability /= bin.count as f64;
            bin.frequency /= bin.count as f64;
        }
        Ok(Self { bins: found })
    }

    /// The intervals, rising.
    pub fn bins(&self) -> &[CalibrationBin] {
        &self.bins
    }

    /// Expected calibration error: the mean gap between probability and frequency, weighted by items (Naeini et al., AAAI 2015).
    pub fn expected_error(&self) -> f64 {
        let items: usize = self.bins.iter().map(|bin| bin.count).sum();
        self.bins.iter().map(|bin| gap(bin) * bin.count as f64).sum::<f64>() / items as f64
    }

    /// Maximum calibration error: the largest gap of an interval with items.
    pub fn maximum_error(&self) -> f64 {
        self.bins.iter().map(gap).fold(0.0, f64::max)
    }
}

fn gap(bin: &CalibrationBin) -> f64 {
    (bin.mean_probability - bin.frequency).abs()
}

/// Mean squared difference of probability and outcome, 0 to 1, less is better (Brier 1950).
///
/// # Errors
/// [`Error::LengthMismatch`](crate::Error::LengthMismatch), [`Error::TooFew`](crate::Error::TooFew) without items,
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for probabilities that are not from 0 to 1.
pub fn brier_score(probabilities: &[f64], came_true: &[bool]) -> Result<f64> {
    check::same_length("outcomes", probabilities.len(), came_true.len())?;
    check::at_least("items", 1, probabilities.len())?;
    check::unit_interval("a probability", probabilities)?;
    let square = |(p, t): (&f64, &bool)| (p - f64::from(u8::from(*t))).powi(2);
    Ok(probabilities.iter().zip(came_true).map(square).sum::<f64>() / probabilities.len() as f64)
}
