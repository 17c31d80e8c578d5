//! The cheapest way to pair rows and columns.

use ndarray::ArrayView2;
use ordered_float::OrderedFloat;
use pathfinding::kuhn_munkres::kuhn_munkres_min;
use pathfinding::matrix::Matrix;

use crate::check;
use crate::error::Result;

/// Pairs rows with columns so that the sum of their costs is least (linear sum assignment; Kuhn 1955, Munkres 1957).
///
/// `cost` is `[rows, columns]` and need not be square: each of the fewer is paired. Returns `(row, column)` by rising row; empty
/// for a matrix without rows or columns. Time grows with the square of the fewer times the more.
///
/// ```
/// use ndarray::array;
/// let cost = array![[4.0, 1.0, 6.0], [2.0, 0.0, 5.0]];
/// let pairs = medeval::detection::linear_assignment(cost.view())?;
/// assert_eq!(pairs, [(0, 1), (1, 0)]);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotFinite`](crate::Error::NotFinite) when a cost is not finite.
pub fn linear_assignment(cost: ArrayView2<'_, f64>) -> Result<Vec<(usize, usize)>> {
    check::all_finite("costs", cost.iter())?;
    if cost.is_empty() {
        return Ok(Vec::new());
    }
    let transposed = cost.nrows() > cost.ncols();
    let cost = if transposed { cost.t() } else { cost };
    // Costs of at most 1, whose sums cannot overflow.
    let largest = cost.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let weights = Matrix::from_fn(cost.nrows(), cost.ncols(), |at| OrderedFloat(cost[at] / scale));
    let (_, columns) = kuhn_munkres_min(&weights);
    let mut pairs: Vec<_> = columns.into_iter().enumerate().collect();
    if transposed {
        pairs.iter_mut().for_each(|pair| *pair = (pair.1, pair.0));
        pairs.sort_unstable();
    }
    Ok(pairs)
}
