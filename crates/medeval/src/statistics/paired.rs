//! Two models on the same items.

use super::bootstrap::{Bootstrap, Interval};
use super::clusters::Clusters;
use crate::check;
use crate::error::Result;

/// Whether an interval of differences lies above, across or below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The whole interval is above 0.
    Win,
    /// The interval holds 0.
    Tie,
    /// The whole interval is below 0.
    Loss,
}

impl Outcome {
    /// By the ends of an interval of differences, where more is better.
    pub fn of(difference: &Interval) -> Self {
        if difference.low > 0.0 {
            Self::Win
        } else if difference.high < 0.0 {
            Self::Loss
        } else {
            Self::Tie
        }
    }
}

/// Result of [`paired_difference`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedDifference {
    /// Mean of first - second over the items.
    pub difference: Interval,
    /// By the interval.
    pub outcome: Outcome,
}

/// Mean difference of two models' scores on the same items, with a bootstrap interval over clusters (as in arXiv 2411.04118).
///
/// For a statistic that is not a mean, such as an AUC, give [`Bootstrap::interval`] the difference and [`Outcome::of`] its answer.
///
/// # Errors
/// [`Error::LengthMismatch`](crate::Error::LengthMismatch), [`Error::NotFinite`](crate::Error::NotFinite), and those of
/// [`Bootstrap::interval`].
pub fn paired_difference(
    first: &[f64],
    second: &[f64],
    clusters: &Clusters,
    bootstrap: &Bootstrap,
) -> Result<PairedDifference> {
    check::same_length("second scores", first.len(), second.len())?;
    check::same_length("clusters' items", first.len(), clusters.items())?;
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    check::all_finite("differences", &differences)?;
    let mean = |items: &[usize]| {
        (!items.is_empty()).then(|| items.iter().map(|&i| differences[i]).sum::<f64>() / items.len() as f64)
    };
    let difference = bootstrap.interval(clusters, mean)?;
    Ok(PairedDifference { difference, outcome: Outcome::of(&difference) })
}
