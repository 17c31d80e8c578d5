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
        check::features(x)?;
        check::same_length("targets", x.nrows(), y.nrows())?;
        check::all_finite("targets", y.iter())?;
        check::not_negative("penalty", penalty)?;
        let n = x.nrows() as f64;
        let (x_mean, y_mean) = (x.sum_axis(Axis(0)) / n, y.sum_axis(Axis(0)) / n);
        let (x, y) = (&x - &x_mean, &y - &y_mean);
        let weights = if x.ncols() <= x.nrows() {
            let mut system = x.t().dot(&x);
            system.diag_mut().iter_mut().for_each(|v| *v += penalty);
            solve(system.view(), x.t().dot(&y).view())?
        } else {
            let mut system = x.dot(&x.t());
            system.diag_mut().iter_mut().for_each(|v| *v += penalty);
            x.t().dot(&solve(system.view(), y.view())?)
        };
        let intercept = &y_mean - &x_mean.dot(&weights);
        Ok(Self { weights, intercept })
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
