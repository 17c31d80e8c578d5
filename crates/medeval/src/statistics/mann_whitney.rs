//! Two groups compared by ranks.

use super::normal::two_sided;
use super::rank::{ranks_and_ties, tie_term};
use crate::check;
use crate::error::Result;

/// Most items for which exact p-values are counted.
pub(crate) const EXACT_ITEMS: usize = 50;

/// How a p-value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestMethod {
    /// By counting all arrangements.
    Exact,
    /// By the normal approximation.
    Normal,
}

/// Result of [`mann_whitney_u`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which the item of the first group is larger, ties counting half: 0 to n1 n2.
    pub u: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// How it was found.
    pub method: TestMethod,
    /// Rank-biserial correlation 2U / (n1 n2) - 1: 1 when all of the first group are larger, -1 when all are smaller.
    pub rank_biserial: f64,
}

/// Mann-Whitney U test (Mann and Whitney 1947; Wilcoxon's rank-sum test) of two independent groups, two-sided.
///
/// The p-value is exact without ties and with at most 50 items in all; else it is by the normal approximation with the
/// correction for ties and for continuity. When all values are equal it is 1.
///
/// ```
/// use medeval::statistics::mann_whitney_u;
/// let first = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 2.0];
/// let second = [3.0, 1.0, 0.5, 0.2];
/// let test = mann_whitney_u(&first, &second)?;
/// assert_eq!(test.u, 27.0);
/// assert!((test.p_value - 4.0 / 330.0).abs() < 1e-15);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew) when a group is empty, [`Error::NotFinite`](crate::Error::NotFinite).
pub fn mann_whitney_u(first: &[f64], second: &[f64]) -> Result<MannWhitney> {
    check::at_least("items of the first group", 1, first.len())?;
    check::at_least("items of the second group", 1, second.len())?;
    let (n1, n2) = (first.len(), second.len());
    let (ranks, ties) = ranks_and_ties(&[first, second].concat())?;
    let pairs = n1 as f64 * n2 as f64;
    let u = ranks[..n1].iter().sum::<f64>() - n1 as f64 * (n1 as f64 + 1.0) / 2.0;
    let method =
        if ties.is_empty() && n1 + n2 <= EXACT_ITEMS { TestMethod::Exact } else { TestMethod::Normal };
    let p_value = match method {
        TestMethod::Exact => exact_p(n1, n2, u.min(pairs - u) as usize),
        TestMethod::Normal => normal_p(n1, n2, u, &ties),
    };
    Ok(MannWhitney { u, p_value, method, rank_biserial: 2.0 * u / pairs - 1.0 })
}

/// Twice the share of arrangements whose U is at most `u`.
fn exact_p(n1: usize, n2: usize, u: usize) -> f64 {
    let counts = arrangements(n1, n2);
    let total: i128 = counts.iter().sum();
    let tail: i128 = counts.iter().take(u + 1).sum();
    (2.0 * tail as f64 / total as f64).min(1.0)
}

/// How many arrangements of the groups have U = 0, 1 ... n1 n2: the coefficients of the Gaussian binomial, which is the
/// product of (1 - q^(n2 + i)) / (1 - q^i) over i = 1 ... n1.
fn arrangements(n1: usize, n2: usize) -> Vec<i128> {
    let mut counts = vec![0i128; n1 * n2 + 1];
    counts[0] = 1;
    for i in 1..=n1 {
        for at in (n2 + i..counts.len()).rev() {
            counts[at] -= counts[at - n2 - i];
        }
        for at in i..counts.len() {
            counts[at] += counts[at - i];
        }
    }
    counts
}

fn normal_p(n1: usize, n2: usize, u: f64, ties: &[usize]) -> f64 {
    let (n, pairs) = ((n1 + n2) as f64, n1 as f64 * n2 as f64);
    let variance = pairs / 12.0 * (n + 1.0 - tie_term(ties) / (n * (n - 1.0)));
    let above = (u.max(pairs - u) - pairs / 2.0 - 0.5).max(0.0);
    if variance > 0.0 { two_sided(above / variance.sqrt()) } else { 1.0 }
}
