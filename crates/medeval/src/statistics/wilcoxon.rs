//! Paired values compared by ranks.

use super::mann_whitney::{EXACT_ITEMS, TestMethod};
use super::normal::two_sided;
use super::rank::{ranks_and_ties, tie_term};
use crate::check;
use crate::error::{Error, Result};

/// Result of [`wilcoxon_signed_rank`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WilcoxonSignedRank {
    /// Sum of the ranks of pairs in which the first value is larger.
    pub positive: f64,
    /// Sum of the ranks of pairs in which the second value is larger.
    pub negative: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// How it was found.
    pub method: TestMethod,
    /// Matched-pairs rank-biserial correlation, (positive - negative) / (positive + negative): -1 to 1 (Kerby 2014).
    pub rank_biserial: f64,
}

/// Wilcoxon signed-rank test (Wilcoxon 1945) of paired values, two-sided. Pairs that are equal are left out.
///
/// The p-value is exact when no two differences have the same size and at most 50 are left; else it is by the normal approximation
/// with the correction for ties and, as in scipy, none for continuity.
///
/// # Errors
/// [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::Undefined`] when all pairs are equal.
pub fn wilcoxon_signed_rank(first: &[f64], second: &[f64]) -> Result<WilcoxonSignedRank> {
    check::same_length("second values", first.len(), second.len())?;
    let mut differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    check::all_finite("differences", &differences)?;
    differences.retain(|d| *d != 0.0);
    if differences.is_empty() {
        return Err(Error::Undefined { what: "the signed-rank test", reason: "all pairs are equal" });
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let (ranks, ties) = ranks_and_ties(&sizes)?;
    let sum = |sign: f64| -> f64 {
        differences.iter().zip(&ranks).filter(|(d, _)| **d * sign > 0.0).map(|(_, rank)| rank).sum()
    };
    let (positive, negative) = (sum(1.0), sum(-1.0));
    let n = differences.len();
    let method = if ties.is_empty() && n <= EXACT_ITEMS { TestMethod::Exact } else { TestMethod::Normal };
    let p_value = match method {
        TestMethod::Exact => exact_p(n, positive.min(negative) as usize),
        TestMethod::Normal => normal_p(n, positive, &ties),
    };
    let rank_biserial = (positive - negative) / (positive + negative);
    Ok(WilcoxonSignedRank { positive, negative, p_value, method, rank_biserial })
}

/// Twice the share of the 2^n choices of signs whose rank sum is at most `sum`.
fn exact_p(n: usize, sum: usize) -> f64 {
    let mut counts = vec![0u64; n * (n + 1) / 2 + 1];
    counts[0] = 1;
    for rank in 1..=n {
        for at in (rank..counts.len()).rev() {
            counts[at] += counts[at - rank];
        }
    }
    let tail: u64 = counts.iter().take(sum + 1).sum();
    (2.0 * tail as f64 / (1u64 << n) as f64).min(1.0)
}

fn normal_p(n: usize, positive: f64, ties: &[usize]) -> f64 {
    let n = n as f64;
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tie_term(ties) / 48.0;
    two_sided((positive - mean) / variance.sqrt())
}
