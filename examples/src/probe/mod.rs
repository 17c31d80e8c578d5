//! Probes: what can be read off features by a linear map or by their neighbours.

pub mod pixels;

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// A ridge regression on standardised features.
#[derive(Debug, Clone)]
pub struct Ridge {
    scale: Standard,
    weights: Array2<f64>,
    intercept: Array1<f64>,
}

impl Ridge {
    /// Fits `targets` `[n, outputs]` from `features` `[n, d]`; `strength` is the ridge penalty per sample.
    pub fn fit(features: ArrayView2<'_, f32>, targets: ArrayView2<'_, f64>, strength: f64) -> Self {
        Self::fit_weighted(features, targets, &Array1::ones(features.nrows()), strength)
    }

    /// As [`fit`](Self::fit) of one-hot `targets`, with all classes counting alike however many samples they have.
    pub fn fit_balanced(features: ArrayView2<'_, f32>, one_hot: ArrayView2<'_, f64>, strength: f64) -> Self {
        let counts = one_hot.sum_axis(Axis(0)).mapv(|n| n.max(1.0));
        let share = one_hot.nrows() as f64 / one_hot.ncols().max(1) as f64;
        Self::fit_weighted(features, one_hot, &one_hot.dot(&counts.mapv(|n| share / n)), strength)
    }

    /// `weights` `[n]` have a mean of about 1.
    fn fit_weighted(
        features: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f64>,
        weights: &Array1<f64>,
        strength: f64,
    ) -> Self {
        let scale = Standard::of(features);
        let column = weights.view().insert_axis(Axis(1));
        let total = weights.sum().max(1e-12);
        let x = scale.apply(features);
        let mean = (&x * &column).sum_axis(Axis(0)) / total;
        let intercept = (&targets * &column).sum_axis(Axis(0)) / total;
        let x = x - &mean;
        let weighted = &x * &column;
        let mut gram = weighted.t().dot(&x);
        gram.diag_mut().mapv_inplace(|v| v + strength * total);
        let solution = solve(gram, weighted.t().dot(&(&targets - &intercept)));
        let intercept = intercept - mean.dot(&solution);
        Self { scale, weights: solution, intercept }
    }

    /// Predictions `[n, outputs]`.
    pub fn predict(&self, features: ArrayView2<'_, f32>) -> Array2<f64> {
        self.scale.apply(features).dot(&self.weights) + &self.intercept
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

/// The nearest neighbours of standardised features, by Euclidean distance.
#[derive(Debug, Clone)]
pub struct Neighbours {
    scale: Standard,
    rows: Array2<f32>,
    targets: Array2<f64>,
    count: usize,
}

impl Neighbours {
    /// Remembers `features` `[n, d]` and `targets` `[n, outputs]`; the nearest `count` are averaged.
    pub fn new(features: ArrayView2<'_, f32>, targets: ArrayView2<'_, f64>, count: usize) -> Self {
        let scale = Standard::of(features);
        let rows = scale.apply(features).mapv(|v| v as f32);
        Self { scale, rows, targets: targets.to_owned(), count }
    }

    /// Mean targets of the nearest rows `[n, outputs]`.
    pub fn predict(&self, features: ArrayView2<'_, f32>) -> Array2<f64> {
        let x = self.scale.apply(features).mapv(|v| v as f32);
        // |a - b|^2 = |a|^2 - 2 a b + |b|^2; the first term is the same for all b.
        let products = x.dot(&self.rows.t());
        let norms = self.rows.map_axis(Axis(1), |r| r.dot(&r));
        let mut found = Array2::zeros([x.nrows(), self.targets.ncols()]);
        for (products, mut out) in products.outer_iter().zip(found.outer_iter_mut()) {
            let distance = |i: usize| norms[i] - 2.0 * products[i];
            let mut order: Vec<usize> = (0..norms.len()).collect();
            let count = self.count.min(order.len());
            if count == 0 {
                continue;
            }
            order.select_nth_unstable_by(count - 1, |&a, &b| distance(a).total_cmp(&distance(b)));
            for &i in &order[..count] {
                out += &self.targets.row(i);
            }
            out /= count as f64;
        }
        found
    }
}

/// Means and standard deviations of features.
#[derive(Debug, Clone)]
struct Standard {
    mean: Array1<f64>,
    deviation: Array1<f64>,
}

impl Standard {
    fn of(features: ArrayView2<'_, f32>) -> Self {
        let x = features.mapv(f64::from);
        let n = x.nrows().max(1) as f64;
        let mean = x.sum_axis(Axis(0)) / n;
        let squares = (x - &mean).mapv(|v| v * v).sum_axis(Axis(0));
        Self { mean, deviation: (squares / n).mapv(|v| v.sqrt().max(1e-6)) }
    }

    fn apply(&self, features: ArrayView2<'_, f32>) -> Array2<f64> {
        (features.mapv(f64::from) - &self.mean) / &self.deviation
    }
}

/// Splits `n` items in order into `folds` contiguous blocks: neighbouring slices are near copies of one another, so that a random
/// split would let a probe copy the answer.
fn blocks(n: usize, folds: usize) -> Vec<std::ops::Range<usize>> {
    (0..folds).map(|f| f * n / folds..(f + 1) * n / folds).filter(|r| !r.is_empty()).collect()
}

/// For each block of slices, the slices to learn from (all that lie outside of it by more than `gap`) and the block.
pub fn folds(slices: usize, count: usize, gap: usize) -> Vec<(Vec<usize>, Vec<usize>)> {
    let one = |block: std::ops::Range<usize>| {
        let far = |i: &usize| i + gap < block.start || *i >= block.end + gap;
        ((0..slices).filter(far).collect(), block.clone().collect())
    };
    blocks(slices, count).into_iter().map(one).collect()
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
    fn balanced_classes_count_alike() {
        // One feature that says nothing: the balanced fit gives both classes the same score, the plain one their shares.
        let (x, y) =
            (array![[1.0f32], [1.0], [1.0], [1.0]], array![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        let plain = Ridge::fit(x.view(), y.view(), 1.0).predict(x.view());
        let balanced = Ridge::fit_balanced(x.view(), y.view(), 1.0).predict(x.view());
        assert!((plain[[0, 0]] - 0.75).abs() < 1e-9 && (balanced[[0, 0]] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn the_nearest_rows_are_averaged() {
        let x = array![[0.0f32], [1.0], [10.0], [11.0]];
        let y = array![[0.0], [2.0], [100.0], [200.0]];
        let found = Neighbours::new(x.view(), y.view(), 2).predict(array![[0.4f32], [10.9]].view());
        assert_eq!(found, array![[1.0], [150.0]]);
    }

    #[test]
    fn blocks_cover_everything_once_and_gaps_are_kept() {
        let b = blocks(10, 3);
        assert_eq!(b, [0..3, 3..6, 6..10]);
        let (train, test) = &folds(10, 3, 1)[1];
        assert_eq!(train[..], [0, 1, 7, 8, 9]);
        assert_eq!(test[..], [3, 4, 5]);
    }
}
