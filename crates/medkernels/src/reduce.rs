//! Sums over the rows of a matrix: gradients of what was added to, or multiplied into, every row.

use rayon::prelude::*;

/// Columns that a thread sums at a time.
const BLOCK: usize = 64;

/// `sums[column] = sum over rows of x[row, column]`, for `x` of `[rows, sums.len()]`.
///
/// # Panics
/// When `x` is not whole rows.
pub fn column_sums(x: &[f32], sums: &mut [f32]) {
    sum(x, sums, |x, _| x);
}

/// `sums[column] = sum over rows of x[row, column] * y[row, column]`, for `x` and `y` of `[rows, sums.len()]`.
///
/// # Panics
/// When `x` is not whole rows or `y` of another length.
pub fn column_dot_products(x: &[f32], y: &[f32], sums: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "values of the two matrices");
    sum(x, sums, |x, at| x * y[at]);
}

/// Rows are added in order, whatever the number of threads.
fn sum(x: &[f32], sums: &mut [f32], value: impl Fn(f32, usize) -> f32 + Sync) {
    let width = sums.len();
    if width == 0 {
        return assert!(x.is_empty(), "{} values in rows of 0", x.len());
    }
    assert!(x.len().is_multiple_of(width), "{} values in rows of {width}", x.len());
    sums.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sums)| {
        sums.fill(0.0);
        let first = block * BLOCK;
        for at in (first..x.len()).step_by(width) {
            for (column, (sum, &x)) in sums.iter_mut().zip(&x[at..]).enumerate() {
                *sum += value(x, at + column);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_products_of_columns() {
        let (rows, width) = (5, 131);
        let x: Vec<f32> = (0..rows * width).map(|i| (i % 17) as f32).collect();
        let y: Vec<f32> = (0..rows * width).map(|i| (i % 5) as f32).collect();
        let (mut sums, mut products) = (vec![f32::NAN; width], vec![f32::NAN; width]);
        column_sums(&x, &mut sums);
        column_dot_products(&x, &y, &mut products);
        for column in 0..width {
            let at = |row: usize| row * width + column;
            assert_eq!(sums[column], (0..rows).map(|r| x[at(r)]).sum::<f32>());
            assert_eq!(products[column], (0..rows).map(|r| x[at(r)] * y[at(r)]).sum::<f32>());
        }
    }
}
