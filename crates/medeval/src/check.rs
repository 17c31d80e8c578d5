//! Checks that many measures share.

use ndarray::{ArrayView, ArrayView2, Dimension};

use crate::error::{Error, Result};

pub(crate) fn same_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::LengthMismatch { what, expected, found }) }
}

pub(crate) fn same_shape(expected: &[usize], found: &[usize]) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::ShapeMismatch { expected: expected.to_vec(), found: found.to_vec() })
    }
}

pub(crate) fn at_least(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if found >= expected { Ok(()) } else { Err(Error::TooFew { what, expected, found }) }
}

pub(crate) fn all_finite<'a>(what: &'static str, values: impl IntoIterator<Item = &'a f64>) -> Result<()> {
    match values.into_iter().enumerate().find(|(_, v)| !v.is_finite()) {
        Some((index, &found)) => Err(Error::NotFinite { what, index, found }),
        None => Ok(()),
    }
}

/// Numbers from 0 to 1.
pub(crate) fn unit_interval(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().find(|v| !(0.0..=1.0).contains(*v)) {
        Some(&found) => Err(Error::OutOfRange { what, expected: "from 0 to 1", found }),
        None => Ok(()),
    }
}

/// A finite number that is not below zero.
pub(crate) fn not_negative(what: &'static str, found: f64) -> Result<()> {
    if found.is_finite() && found >= 0.0 {
        Ok(())
    } else {
        Err(Error::OutOfRange { what, expected: "finite and at least 0", found })
    }
}

pub(crate) fn classes_in_range(labels: &[usize], classes: usize) -> Result<()> {
    match labels.iter().find(|l| **l >= classes) {
        Some(&found) => Err(Error::ClassOutOfRange { found, classes }),
        None => Ok(()),
    }
}

/// Squares of features up to this, and sums of these, do not overflow.
const LARGEST_FEATURE: f64 = 1e100;

/// Feature rows `[items, features]` that are not empty, finite and not absurdly large.
pub(crate) fn features(features: ArrayView2<'_, f64>) -> Result<()> {
    at_least("items", 1, features.nrows())?;
    at_least("features", 1, features.ncols())?;
    all_finite("features", features.iter())?;
    match features.iter().find(|v| v.abs() > LARGEST_FEATURE) {
        Some(&found) => {
            Err(Error::OutOfRange { what: "a feature", expected: "at most 1e100 in size", found })
        }
        None => Ok(()),
    }
}

/// Feature rows with one label each.
pub(crate) fn labelled(x: ArrayView2<'_, f64>, labels: &[usize]) -> Result<()> {
    features(x)?;
    same_length("labels", x.nrows(), labels.len())
}

/// A map of numbers from 0 to 1.
pub(crate) fn probabilities<D: Dimension>(what: &'static str, map: ArrayView<'_, f32, D>) -> Result<()> {
    match map.iter().find(|v| !(0.0..=1.0).contains(*v)) {
        Some(&found) => Err(Error::OutOfRange { what, expected: "from 0 to 1", found: f64::from(found) }),
        None => Ok(()),
    }
}

/// Class indices are counted from 0 without large gaps: there cannot be more classes than items.
pub(crate) fn at_most_items(what: &'static str, items: usize, found: usize) -> Result<()> {
    if found <= items {
        Ok(())
    } else {
        let found = found as f64;
        Err(Error::OutOfRange { what, expected: "at most one for each item, numbered from 0", found })
    }
}
