//! Many tests at once.

use crate::check;
use crate::error::Result;

/// Benjamini-Hochberg adjusted p-values (q-values), in the order given: the tests with q at most 0.05 hold with a false
/// discovery rate of 5 % (Benjamini and Hochberg 1995).
///
/// q of the i-th smallest of m is the least of m p_j / j over j >= i, and at most 1.
///
/// ```
/// let q = medeval::statistics::benjamini_hochberg(&[0.01, 0.04, 0.03])?;
/// assert_eq!(q, [0.03, 0.04, 0.04]);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for a p-value that is not from 0 to 1.
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>> {
    check::unit_interval("a p-value", p_values)?;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least = 1.0f64;
    for (below, &index) in order.iter().enumerate().rev() {
        least = least.min(p_values[index] * p_values.len() as f64 / (below + 1) as f64);
        adjusted[index] = least;
    }
    Ok(adjusted)
}
