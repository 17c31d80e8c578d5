//! Classes of the nearest neighbours.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::normalize::{accuracy, l2_normalize};
use crate::check;
use crate::error::{Error, Result};

/// Items whose similarities are worked out together.
const BLOCK: usize = 256;

/// Majority vote of the k nearest training items by cosine similarity, k chosen on validation items.
///
/// Of classes with as many votes the lowest wins; of neighbours at the same distance the one that comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct KnnProbe {
    train: Array2<f64>,
    labels: Vec<usize>,
    k: usize,
    validation_accuracy: f64,
}

impl KnnProbe {
    /// Keeps the training items and the k with the best accuracy on validation items; of equals, the least.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::TooFew`] without items or k, [`Error::OutOfRange`] for a k that is 0 or
    /// above the number of training items, [`Error::Undefined`] for a row of zeros.
    pub fn fit(
        train: ArrayView2<'_, f64>,
        train_labels: &[usize],
        validation: ArrayView2<'_, f64>,
        validation_labels: &[usize],
        ks: &[usize],
    ) -> Result<Self> {
        check::labelled(train, train_labels)?;
        check::labelled(validation, validation_labels)?;
        check::at_least("values of k", 1, ks.len())?;
        if let Some(&k) = ks.iter().find(|k| !(1..=train.nrows()).contains(*k)) {
            let expected = "from 1 to the number of training items";
            return Err(Error::OutOfRange { what: "k", expected, found: k as f64 });
        }
        let mut ks = ks.to_vec();
        ks.sort_unstable();
        let mut probe = Self {
            train: l2_normalize(train)?,
            labels: train_labels.to_vec(),
            k: ks[0],
            validation_accuracy: f64::NEG_INFINITY,
        };
        let votes = probe.vote(validation, &ks)?;
        for (at, &k) in ks.iter().enumerate() {
            let predicted: Vec<usize> = votes.iter().map(|classes| classes[at]).collect();
            let reached = accuracy(&predicted, validation_labels);
            if reached > probe.validation_accuracy {
                (probe.k, probe.validation_accuracy) = (k, reached);
            }
        }
        Ok(probe)
    }

    /// The k that was chosen.
    pub const fn k(&self) -> usize {
        self.k
    }

    /// Share of validation items that are right.
    pub const fn validation_accuracy(&self) -> f64 {
        self.validation_accuracy
    }

    /// The class of each item.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] when there are not as many features as in training; [`Error::TooFew`], [`Error::NotFinite`],
    /// [`Error::Undefined`] for a row of zeros.
    pub fn predict(&self, features: ArrayView2<'_, f64>) -> Result<Vec<usize>> {
        Ok(self.vote(features, &[self.k])?.concat())
    }

    /// For each item its class by each of some rising k.
    fn vote(&self, features: ArrayView2<'_, f64>, ks: &[usize]) -> Result<Vec<Vec<usize>>> {
        check::same_length("features", self.train.ncols(), features.ncols())?;
        let features = l2_normalize(features)?;
        let blocks: Vec<_> = features.axis_chunks_iter(Axis(0), BLOCK).collect();
        let of_block = |block: ArrayView2<'_, f64>| -> Vec<Vec<usize>> {
            let similarity = block.dot(&self.train.t());
            similarity.rows().into_iter().map(|row| self.classes(row, ks)).collect()
        };
        Ok(blocks.into_par_iter().flat_map_iter(of_block).collect())
    }

    /// The class of one item by each of some rising k.
    fn classes(&self, similarity: ArrayView1<'_, f64>, ks: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..similarity.len()).collect();
        let nearer = |a: &usize, b: &usize| similarity[*b].total_cmp(&similarity[*a]).then(a.cmp(b));
        let most = ks[ks.len() - 1];
        if most < order.len() {
            order.select_nth_unstable_by(most - 1, nearer);
            order.truncate(most);
        }
        order.sort_unstable_by(nearer);
        let mut votes: Vec<(usize, usize)> = Vec::new();
        let mut voted = 0;
        let of_k = |&k: &usize| {
            for &neighbour in &order[voted..k] {
                let class = self.labels[neighbour];
                match votes.iter_mut().find(|(c, _)| *c == class) {
                    Some((_, count)) => *count += 1,
                    None => votes.push((class, 1)),
                }
            }
            voted = k;
            let winner = votes.iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
            winner.map_or(0, |(class, _)| *class)
        };
        ks.iter().map(of_k).collect()
    }
}
