//! The standard normal distribution.

use std::f64::consts::SQRT_2;

/// Chance of a value at least as far from 0 as `z`, on either side.
pub(crate) fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2).min(1.0)
}
