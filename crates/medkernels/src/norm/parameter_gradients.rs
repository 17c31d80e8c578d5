//! Sums over all rows that come out the same on any number of threads.

use rayon::prelude::*;

use crate::simd::Rows;

/// At most as many blocks as this, each with sums of its own.
const MAX_BLOCKS: usize = 64;

/// The fewest rows that a block has.
const MIN_ROWS: usize = 16;

/// Calls `body` on blocks of `rows`, each with `sums_width` sums that start at zero, and adds the blocks' sums up in their
/// order.
///
/// Where blocks begin depends on the number of rows alone.
pub(super) fn sum_over_blocks<R: Rows>(
    rows: R,
    sums_width: usize,
    body: impl Fn(R, &mut [f32]) + Sync,
) -> Vec<f32> {
    let count = rows.rows();
    let block = count.div_ceil(MAX_BLOCKS).max(MIN_ROWS);
    let mut blocks = Vec::with_capacity(count.div_ceil(block));
    let mut rest = rows;
    while rest.rows() > block {
        let (first, after) = rest.split(block);
        blocks.push(first);
        rest = after;
    }
    blocks.push(rest);

    let mut sums = vec![0.0; blocks.len() * sums_width];
    if sums_width > 0 {
        blocks
            .into_par_iter()
            .zip(sums.par_chunks_exact_mut(sums_width))
            .for_each(|(rows, sums)| body(rows, sums));
    }
    let mut total = vec![0.0; sums_width];
    for sums in sums.chunks_exact(sums_width.max(1)) {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum;
        }
    }
    total
}
