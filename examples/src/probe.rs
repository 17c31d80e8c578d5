//! Linear probes: what can be read off features by a linear map.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// A ridge regression on standardised features.
#[derive(Debug, Clone)]
pub struct Ridge {
    mean: Array1<f64>,
    deviation: Array1<f64>,
    weights: Array2<f64>,
    intercept: Array1<f64>,
}

impl Ridge {
    /// Fits `targets` `[n, outputs]` from `features` `[n, d]`; `strength` is the ridge penalty per sample.
    pub fn fit(features: ArrayView2<'_, f32>, targets: ArrayView2<'_, f64>, strength: f64) -> Self {
        let x = features.mapv(f64::from);
        let n = x.nrows().max(1) as f64;
        let mean = x.sum_axis(Axis(0)) / n;
        let centred = &x - &mean;
        let deviation = (centred.mapv(|v| v * v).sum_axis(Axis(0)) / n).mapv(|v| v.sqrt().max(1e-6));
        let x = centred / &deviation;
        let intercept = targets.sum_axis(Axis(0)) / n;
        let y = &targets - &intercept;
        let mut gram = x.t().dot(&x);
        gram.diag_mut().mapv_inplace(|v| v + strength * n);
        let weights = solve(gram, x.t().dot(&y));
        Self { mean, deviation, weights, intercept }
    }

    /// Predictions `[n, outputs]`.
    pub fn predict(&self, features: ArrayView2<'_, f32>) -> Array2<f64> {
        let x = (features.mapv(f64::from) - &self.mean) / &self.deviation;
        x.dot(&self.weights) + &self.intercept
    }
}

/// Solves `a x = b` for a positive definite `a`, by its Cholesky factors.
fn solve(mut a: Array2<f64>, mut b: Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    for j in 0..n {
        for i in j..n {
            let sum: f64 = (0..j).map(|k| a[[i, k]] * a[[j, k]]).sum();
            let rest = a[[i, j]] - sum;
            a[[i, j]] = if i == j { rest.max(1e-12).sqrt() } else { rest / a[[j, j]] };
        }
    }
    for c in 0..b.ncols() {
        for i in 0..n {
            let sum: f64 = (0..i).map(|k| a[[i, k]] * b[[k, c]]).sum();
            b[[i, c]] = (b[[i, c]] - sum) / a[[i, i]];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| a[[k, i]] * b[[k, c]]).sum();
            b[[i, c]] = (b[[i, c]] - sum) / a[[i, i]];
        }
    }
    b
}

/// Splits `n` items in order into `folds` contiguous blocks: neighbouring slices are near copies of one another, so that a random
/// split would let a probe copy the answer.
pub fn blocks(n: usize, folds: usize) -> Vec<std::ops::Range<usize>> {
    (0..folds).map(|f| f * n / folds..(f + 1) * n / folds).filter(|r| !r.is_empty()).collect()
}

/// The rows of `a` that lie in a block, and those that lie outside of it by at least `gap`.
pub fn split<T: Clone>(a: &Array2<T>, block: &std::ops::Range<usize>, gap: usize) -> (Array2<T>, Array2<T>) {
    let inside: Vec<usize> = block.clone().collect();
    let outside: Vec<usize> =
        (0..a.nrows()).filter(|i| i + gap < block.start || *i >= block.end + gap).collect();
    (a.select(Axis(0), &outside), a.select(Axis(0), &inside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_linear_rule_is_found() {
        let x = array![[0.0f32, 1.0], [1.0, 0.0], [2.0, 5.0], [3.0, -1.0], [4.0, 2.0]];
        let y = x.map_axis(Axis(1), |r| f64::from(3.0 * r[0] - 2.0 * r[1] + 7.0)).insert_axis(Axis(1));
        let found = Ridge::fit(x.view(), y.view(), 1e-9).predict(array![[10.0f32, 10.0]].view());
        assert!((found[[0, 0]] - 17.0).abs() < 1e-5, "{found}");
    }

    #[test]
    fn blocks_cover_everything_once_and_gaps_are_kept() {
        let b = blocks(10, 3);
        assert_eq!(b, [0..3, 3..6, 6..10]);
        let rows = Array2::from_shape_fn((10, 1), |(i, _)| i);
        let (train, test) = split(&rows, &b[1], 1);
        assert_eq!(train.into_raw_vec_and_offset().0, [0, 1, 7, 8, 9]);
        assert_eq!(test.into_raw_vec_and_offset().0, [3, 4, 5]);
    }
}
