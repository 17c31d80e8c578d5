//! How much nearer items are to their own class.

use ndarray::{Array2, ArrayView2};

use super::normalize::l2_normalize;
use super::scatter::class_sizes;
use crate::check;
use crate::error::{Error, Result};

/// Mean silhouette coefficient with cosine distance, -1 to 1 (Rousseeuw 1987).
///
/// For each item (b - a) / max(a, b), where a is its mean distance to the others of its class and b the least mean distance to another
/// class; 0 for the only item of a class. Time grows with items x classes x features: with cosine distance, mean distances
/// follow from the sums of classes.
///
/// # Errors
/// [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::OneClass`], [`Error::Undefined`] for a row of zeros,
/// [`Error::OutOfRange`] for a class number above the number of items.
pub fn silhouette(features: ArrayView2<'_, f64>, labels: &[usize]) -> Result<f64> {
    check::labelled(features, labels)?;
    let sizes = class_sizes(labels)?;
    if sizes.iter().filter(|size| **size > 0).count() < 2 {
        return Err(Error::OneClass { what: "the silhouette" });
    }
    let rows = l2_normalize(features)?;
    let mut sums = Array2::<f64>::zeros((sizes.len(), rows.ncols()));
    for (row, &label) in rows.rows().into_iter().zip(labels) {
        let mut sum = sums.row_mut(label);
        sum += &row;
    }
    let similarity = rows.dot(&sums.t());
    let mut total = 0.0;
    for (item, &label) in labels.iter().enumerate().filter(|(_, label)| sizes[**label] > 1) {
        let row = rows.row(item);
        let own = 1.0 - (similarity[[item, label]] - row.dot(&row)) / (sizes[label] - 1) as f64;
        let others = sizes.iter().enumerate().filter(|(class, size)| *class != label && **size > 0);
        let mean = |(class, &size): (usize, &usize)| 1.0 - similarity[[item, class]] / size as f64;
        let other = others.map(mean).fold(f64::INFINITY, f64::min);
        let larger = own.max(other);
        total += if larger > 0.0 { (other - own) / larger } else { 0.0 };
    }
    Ok(total / labels.len() as f64)
}
