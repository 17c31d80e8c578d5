//! Classes by softmax of a linear map.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::lbfgs::minimize;
use crate::check;
use crate::error::{Error, Result};

/// Largest entry of the gradient of the mean loss at the end.
const TOLERANCE: f64 = 1e-8;
/// Steps until a fit is given up.
const ITERATIONS: usize = 2000;

/// Multinomial logistic regression with intercept that minimises the sum of cross entropies + penalty / 2 |w|^2.
///
/// That is scikit-learn's `LogisticRegression` with C = 1 / penalty for three classes and more; for two classes, where softmax has
/// two weight vectors, with C = 2 / penalty.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticRegression {
    weights: Array2<f64>,
    intercept: Array1<f64>,
    converged: bool,
}

impl LogisticRegression {
    /// Fits classes 0 to `classes - 1` to `x` `[items, features]`; the intercept is not penalised.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::ClassOutOfRange`], [`Error::OneClass`],
    /// [`Error::OutOfRange`] for a penalty below 0.
    pub fn fit(x: ArrayView2<'_, f64>, labels: &[usize], classes: usize, penalty: f64) -> Result<Self> {
        let start = Array2::zeros((x.ncols() + 1, classes));
        Self::fit_from(x, labels, penalty, start, TOLERANCE)
    }

    /// From a start `[features + 1, classes]` whose last row is the intercept.
    pub(crate) fn fit_from(
        x: ArrayView2<'_, f64>,
        labels: &[usize],
        penalty: f64,
        start: Array2<f64>,
        tolerance: f64,
    ) -> Result<Self> {
        let classes = start.ncols();
        check::labelled(x, labels)?;
        check::classes_in_range(labels, classes)?;
        check::not_negative("penalty", penalty)?;
        if labels.iter().all(|l| *l == labels[0]) {
            return Err(Error::OneClass { what: "logistic regression" });
        }
        let loss = |parameters: &Array1<f64>| loss(x, labels, classes, penalty, parameters.view());
        let minimum = minimize(loss, start.into_flat(), tolerance, ITERATIONS);
        let parameters = as_matrix(minimum.at.view(), classes);
        Ok(Self {
            weights: parameters.slice(s![..x.ncols(), ..]).to_owned(),
            intercept: parameters.row(x.ncols()).to_owned(),
            converged: minimum.converged,
        })
    }

    /// `[features, classes]`.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// One for each class.
    pub const fn intercept(&self) -> &Array1<f64> {
        &self.intercept
    }

    /// Whether the gradient vanished within 2000 steps; without a penalty it never does where classes can be separated.
    pub const fn converged(&self) -> bool {
        self.converged
    }

    /// Probabilities `[items, classes]`.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] when there are not as many features as in training.
    pub fn probabilities(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check::same_length("features", self.weights.nrows(), x.ncols())?;
        let mut scores = x.dot(&self.weights) + &self.intercept;
        scores.rows_mut().into_iter().for_each(|mut row| {
            let sum = log_sum_exp(row.view());
            row.mapv_inplace(|v| (v - sum).exp());
        });
        Ok(scores)
    }

    /// The start of a fit with another penalty.
    pub(crate) fn parameters(&self) -> Array2<f64> {
        let mut all = Array2::zeros((self.weights.nrows() + 1, self.weights.ncols()));
        all.slice_mut(s![..self.weights.nrows(), ..]).assign(&self.weights);
        all.row_mut(self.weights.nrows()).assign(&self.intercept);
        all
    }
}

/// Mean loss and its gradient by weights and intercept.
fn loss(
    x: ArrayView2<'_, f64>,
    labels: &[usize],
    classes: usize,
    penalty: f64,
    parameters: ArrayView1<'_, f64>,
) -> (f64, Array1<f64>) {
    let (n, features) = x.dim();
    let parameters = as_matrix(parameters, classes);
    let weights = parameters.slice(s![..features, ..]);
    let mut scores = x.dot(&weights) + parameters.row(features);
    let mut sum = 0.0;
    for (mut row, &label) in scores.rows_mut().into_iter().zip(labels) {
        let all = log_sum_exp(row.view());
        sum += all - row[label];
        row.mapv_inplace(|v| (v - all).exp());
        row[label] -= 1.0;
    }
    let mut gradient = Array2::zeros(parameters.raw_dim());
    gradient.slice_mut(s![..features, ..]).assign(&(x.t().dot(&scores) + &weights * penalty));
    gradient.row_mut(features).assign(&scores.sum_axis(Axis(0)));
    let value = sum + penalty / 2.0 * weights.iter().map(|w| w * w).sum::<f64>();
    (value / n as f64, gradient.into_flat() / n as f64)
}

/// Parameters as `[features + 1, classes]`.
fn as_matrix(parameters: ArrayView1<'_, f64>, classes: usize) -> Array2<f64> {
    let rows = parameters.len() / classes;
    Array2::from_shape_fn((rows, classes), |(row, class)| parameters[row * classes + class])
}

fn log_sum_exp(row: ArrayView1<'_, f64>) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + row.iter().map(|v| (v - largest).exp()).sum::<f64>().ln()
}
