//! Predicted over true classes.

use ndarray::{Array2, ArrayView2};

use crate::check;
use crate::confusion_counts::ConfusionCounts;
use crate::error::Result;

/// How many items of each true class were given each class.
///
/// ```
/// use medeval::classification::ConfusionMatrix;
/// let matrix = ConfusionMatrix::of(&[0, 0, 1, 2], &[0, 1, 1, 2], 3)?;
/// assert_eq!(matrix.counts()[[1, 0]], 1);
/// assert_eq!(matrix.accuracy(), 0.75);
/// assert_eq!(matrix.of_class(1).sensitivity(), Some(0.5));
/// # Ok::<(), medeval::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    counts: Array2<u64>,
}

impl ConfusionMatrix {
    /// Counts items; classes are 0 to `classes - 1`.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch), [`Error::ClassOutOfRange`](crate::Error::ClassOutOfRange),
    /// [`Error::TooFew`](crate::Error::TooFew) without items.
    pub fn of(predicted: &[usize], truth: &[usize], classes: usize) -> Result<Self> {
        check::same_length("truth", predicted.len(), truth.len())?;
        check::at_least("items", 1, truth.len())?;
        check::classes_in_range(predicted, classes)?;
        check::classes_in_range(truth, classes)?;
        let mut counts = Array2::zeros((classes, classes));
        for (&p, &t) in predicted.iter().zip(truth) {
            counts[[t, p]] += 1;
        }
        Ok(Self { counts })
    }

    /// `[true class, predicted class]`.
    pub fn counts(&self) -> ArrayView2<'_, u64> {
        self.counts.view()
    }

    /// One class against the rest.
    ///
    /// # Panics
    /// When the class does not exist.
    pub fn of_class(&self, class: usize) -> ConfusionCounts {
        let both = self.counts[[class, class]];
        let (truth, predicted) = (self.counts.row(class).sum(), self.counts.column(class).sum());
        ConfusionCounts {
            true_positive: both,
            false_positive: predicted - both,
            false_negative: truth - both,
            true_negative: self.counts.sum() + both - truth - predicted,
        }
    }

    /// Share of items that got their class.
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum() as f64
    }

    /// Mean sensitivity of the classes that have items (Brodersen et al., ICPR 2010).
    pub fn balanced_accuracy(&self) -> f64 {
        mean((0..self.counts.nrows()).filter_map(|class| self.of_class(class).sensitivity()))
    }

    /// Mean F1 of the classes that occur in truth or in the prediction.
    pub fn macro_f1(&self) -> f64 {
        let classes = (0..self.counts.nrows()).map(|class| self.of_class(class));
        mean(classes.filter(|c| c.true_negative < c.total()).map(|c| c.f1()))
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    sum / count as f64
}
