//! Features of mean 0 and standard deviation 1.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::check;
use crate::error::Result;

/// Shifts and scales each feature by its mean and standard deviation on the training items.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardizer {
    mean: Array1<f64>,
    deviation: Array1<f64>,
}

impl Standardizer {
    /// From training items; features that never change are only shifted.
    ///
    /// # Errors
    /// [`Error::TooFew`](crate::Error::TooFew), [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn fit(train: ArrayView2<'_, f64>) -> Result<Self> {
        check::features(train)?;
        let n = train.nrows() as f64;
        let mean = train.sum_axis(Axis(0)) / n;
        let square = |sum: f64, (value, mean): (&f64, f64)| sum + (value - mean) * (value - mean);
        let deviation = train.columns().into_iter().zip(&mean).map(|(column, &mean)| {
            let variance = column.iter().map(|v| (v, mean)).fold(0.0, square) / n;
            // What is left of rounding when all values are the same.
            if variance.sqrt() > 10.0 * f64::EPSILON * mean.abs() { variance.sqrt() } else { 1.0 }
        });
        let deviation = deviation.collect();
        Ok(Self { mean, deviation })
    }

    /// Features of other items on the same scale.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) when there are not as many features as in training;
    /// [`Error::TooFew`](crate::Error::TooFew), [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn apply(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check::features(features)?;
        check::same_length("features", self.mean.len(), features.ncols())?;
        Ok((&features - &self.mean) / &self.deviation)
    }
}
