//! Ranks.

use crate::check;
use crate::error::Result;

/// Ranks from 1 up; equal values share the mean of their ranks (mid-ranks).
///
/// ```
/// assert_eq!(medeval::statistics::mid_ranks(&[3.0, 1.0, 3.0])?, [2.5, 1.0, 2.5]);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotFinite`](crate::Error::NotFinite).
pub fn mid_ranks(values: &[f64]) -> Result<Vec<f64>> {
    Ok(ranks_and_ties(values)?.0)
}

/// Mid-ranks, and the sizes of the groups of equal values that have more than one.
pub(crate) fn ranks_and_ties(values: &[f64]) -> Result<(Vec<f64>, Vec<usize>)> {
    check::all_finite("values", values)?;
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Not by total order: -0 and 0 are equal.
    order.sort_unstable_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut ties = Vec::new();
    let mut before = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|&index| ranks[index] = rank);
        before += group.len();
        if group.len() > 1 {
            ties.push(group.len());
        }
    }
    Ok((ranks, ties))
}

/// Sum of t^3 - t over the groups of equal values.
pub(crate) fn tie_term(ties: &[usize]) -> f64 {
    ties.iter().map(|&t| (t as f64).powi(3) - t as f64).sum()
}
