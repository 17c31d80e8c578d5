//! Spread between and within classes.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::check;
use crate::error::{Error, Result};

/// Traces of the between-class and within-class scatter matrices (Fukunaga 1990, section 10.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatter {
    /// Sum over classes of items x squared distance of the class mean to the mean of all.
    pub between: f64,
    /// Sum over items of the squared distance to the mean of their class.
    pub within: f64,
    items: usize,
    classes: usize,
}

impl Scatter {
    /// Of features `[items, features]` with one label for each item.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::TooFew`], [`Error::OneClass`],
    /// [`Error::OutOfRange`] for a class number above the number of items.
    pub fn of(features: ArrayView2<'_, f64>, labels: &[usize]) -> Result<Self> {
        check::labelled(features, labels)?;
        let sizes = class_sizes(labels)?;
        let classes = sizes.iter().filter(|size| **size > 0).count();
        if classes < 2 {
            return Err(Error::OneClass { what: "scatter" });
        }
        let centroids = centroids(features, labels)?;
        let mean = features.sum_axis(Axis(0)) / features.nrows() as f64;
        let occupied = centroids.rows().into_iter().zip(&sizes).filter(|(_, size)| **size > 0);
        let between = occupied.map(|(c, &size)| size as f64 * squared(&(&c - &mean))).sum();
        let items = features.rows().into_iter().zip(labels);
        let within = items.map(|(row, &label)| squared(&(&row - &centroids.row(label)))).sum();
        Ok(Self { between, within, items: labels.len(), classes })
    }

    /// Between over within; `None` when all items of each class are the same.
    pub fn ratio(&self) -> Option<f64> {
        (self.within > 0.0).then(|| self.between / self.within)
    }

    /// Calinski-Harabasz index (1974): the ratio with both divided by their degrees of freedom.
    pub fn calinski_harabasz(&self) -> Option<f64> {
        Some(self.ratio()? * (self.items - self.classes) as f64 / (self.classes - 1) as f64)
    }
}

fn squared(v: &Array1<f64>) -> f64 {
    v.dot(v)
}

/// Items of each class, from 0 to the largest label.
pub(crate) fn class_sizes(labels: &[usize]) -> Result<Vec<usize>> {
    let classes = labels.iter().max().map_or(0, |most| most.saturating_add(1));
    check::at_most_items("classes", labels.len(), classes)?;
    let mut sizes = vec![0; classes];
    labels.iter().for_each(|&label| sizes[label] += 1);
    Ok(sizes)
}

/// Mean features of each class, `[classes, features]`; 0 for a class without items.
pub(crate) fn centroids(features: ArrayView2<'_, f64>, labels: &[usize]) -> Result<Array2<f64>> {
    let sizes = class_sizes(labels)?;
    let mut centroids = Array2::<f64>::zeros((sizes.len(), features.ncols()));
    for (row, &label) in features.rows().into_iter().zip(labels) {
        let mut sum = centroids.row_mut(label);
        sum += &row;
    }
    for (mut centroid, &size) in centroids.rows_mut().into_iter().zip(&sizes) {
        centroid /= size.max(1) as f64;
    }
    Ok(centroids)
}
