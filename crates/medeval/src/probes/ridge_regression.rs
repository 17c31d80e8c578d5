//! Least squares with a penalty on the weights.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::cholesky::solve;
use crate::check;
use crate::error::Result;

/// Linear regression with intercept that minimises |y - x w - b|^2 + penalty |w|^2 (Hoerl and Kennard 1970).
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeRegression {
    weights: Array2<f64>,
    intercept: Array1<f64>,
}

impl RidgeRegression {
    /// Fits `y` `[items, targets]` to `x` `[items, features]`; the intercept is not penalised.
    ///
    /// The system has as many equations as there are features or items, whichever is less.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch), [`Error::NotFinite`](crate::Error::NotFinite),
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a penalty below 0,
    /// [`Error::NotPositiveDefinite`](crate::Error::NotPositiveDefinite) when features depend on each other and the penalty is too small.
    pub fn fit(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, penalty: f64) -> Result<Self> {
        RidgeSystem::new(x, y)?.solve(penalty)
    }

    /// `[features, targets]`.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// One for each target.
    pub const fn intercept(&self) -> &Array1<f64> {
        &self.intercept
    }

    /// `[items, targets]`.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) when there are not as many features as in training.
    pub fn predict(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check::same_length("features", self.weights.nrows(), x.ncols())?;
        Ok(x.dot(&self.weights) + &self.intercept)
    }
}

/// What fits with several penalties have in common.
pub(crate) struct RidgeSystem {
    /// Products of centred features (features x features), or of items where these are fewer.
    products: Array2<f64>,
    right: Array2<f64>,
    /// Centred items, where products are of items.
    items: Option<Array2<f64>>,
    x_mean: Array1<f64>,
    y_mean: Array1<f64>,
}

impl RidgeSystem {
    pub(crate) fn new(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Result<Self> {
        check::features(x)?;
        check::same_length("targets", x.nrows(), y.nrows())?;
        check::all_finite("targets", y.iter())?;
        let n = x.nrows() as f64;
        let (x_mean, y_mean) = (x.sum_axis(Axis(0)) / n, y.sum_axis(Axis(0)) / n);
        let (x, y) = (&x - &x_mean, &y - &y_mean);
        let by_features = x.ncols() <= x.nrows();
        Ok(Self {
            products: if by_features { x.t().dot(&x) } else { x.dot(&x.t()) },
            right: if by_features { x.t().dot(&y) } else { y },
            items: (!by_features).then_some(x),
            x_mean,
            y_mean,
        })
    }

    pub(crate) fn solve(&self, penalty: f64) -> Result<RidgeRegression> {
        check::not_negative("penalty", penalty)?;
        let mut system = self.products.clone();
        system.diag_mut().iter_mut().for_each(|v| *v += penalty);
        let solution = solve(system.view(), self.right.view())?;
        let weights = self.items.as_ref().map_or_else(|| solution.clone(), |items| items.t().dot(&solution));
        let intercept = &self.y_mean - &self.x_mean.dot(&weights);
        Ok(RidgeRegression { weights, intercept })
    }
}
