//! How well a linear model reads classes from features.

use ndarray::{Array2, ArrayView2};

use super::logistic_regression::LogisticRegression;
use super::normalize::{accuracy, argmax};
use super::ridge_regression::{RidgeRegression, RidgeSystem};
use super::standardizer::Standardizer;
use crate::check;
use crate::error::{Error, Result};

/// Largest entry of the gradient of a logistic fit; what is beyond does not change classes.
const TOLERANCE: f64 = 1e-5;

/// What a [`LinearProbe`] fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearModel {
    /// Least squares on targets 1 (the class) and -1 (any other), with a ridge penalty.
    Ridge,
    /// Multinomial logistic regression.
    Logistic,
}

/// Settings of [`LinearProbe::fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbeOptions {
    /// What is fitted.
    pub model: LinearModel,
    /// Penalties to choose from.
    pub penalties: Vec<f64>,
}

impl LinearProbeOptions {
    /// Thirteen penalties from 10^-3 to 10^3, half a power of ten apart.
    pub fn new(model: LinearModel) -> Self {
        Self { model, penalties: (-6..=6).map(|e| 10f64.powf(f64::from(e) / 2.0)).collect() }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Fitted {
    Ridge(RidgeRegression),
    Logistic(LogisticRegression),
}

impl Fitted {
    fn scores(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        match self {
            Self::Ridge(model) => model.predict(x),
            Self::Logistic(model) => model.probabilities(x),
        }
    }

    fn classes(&self, x: ArrayView2<'_, f64>) -> Result<Vec<usize>> {
        Ok(self.scores(x)?.rows().into_iter().map(argmax).collect())
    }
}

/// A linear model on standardised features, its penalty chosen on validation items.
///
/// ```
/// use medeval::probes::{LinearModel, LinearProbe, LinearProbeOptions};
/// use ndarray::array;
/// let train = array![[0.0, 1.0], [0.2, 1.1], [1.0, 0.1], [1.2, 0.0]];
/// let validation = array![[0.1, 1.0], [1.1, 0.2]];
/// let options = LinearProbeOptions::new(LinearModel::Logistic);
/// let probe = LinearProbe::fit(train.view(), &[0, 0, 1, 1], validation.view(), &[0, 1], &options)?;
/// assert_eq!(probe.predict(array![[0.9, 0.3]].view())?, [1]);
/// # Ok::<(), medeval::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbe {
    standardizer: Standardizer,
    model: Fitted,
    penalty: f64,
    validation_accuracy: f64,
}

impl LinearProbe {
    /// Fits one model for each penalty and keeps the one with the best accuracy on validation items; of equals, the one with the
    /// largest penalty. Features are `[items, features]`.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::TooFew`] without items or penalties, [`Error::OneClass`],
    /// [`Error::OutOfRange`] for a penalty below 0, [`Error::ClassOutOfRange`] when validation has a class that training has not,
    /// [`Error::NotPositiveDefinite`].
    pub fn fit(
        train: ArrayView2<'_, f64>,
        train_labels: &[usize],
        validation: ArrayView2<'_, f64>,
        validation_labels: &[usize],
        options: &LinearProbeOptions,
    ) -> Result<Self> {
        check::labelled(train, train_labels)?;
        check::labelled(validation, validation_labels)?;
        check::at_least("penalties", 1, options.penalties.len())?;
        let classes = train_labels.iter().max().map_or(0, |most| most.saturating_add(1));
        check::at_most_items("classes", train.nrows(), classes)?;
        check::classes_in_range(validation_labels, classes)?;
        if train_labels.iter().all(|l| *l == train_labels[0]) {
            return Err(Error::OneClass { what: "a linear probe" });
        }
        let standardizer = Standardizer::fit(train)?;
        let (train, validation) = (standardizer.apply(train)?, standardizer.apply(validation)?);
        let mut penalties = options.penalties.clone();
        penalties.sort_by(|a, b| b.total_cmp(a));
        let targets = Array2::from_shape_fn((train.nrows(), classes), |(item, class)| {
            if train_labels[item] == class { 1.0 } else { -1.0 }
        });
        let system = match options.model {
            LinearModel::Ridge => Some(RidgeSystem::new(train.view(), targets.view())?),
            LinearModel::Logistic => None,
        };
        let mut best: Option<(Fitted, f64, f64)> = None;
        // From strong to weak penalties, each logistic fit starts from the one before.
        let mut start = Array2::zeros((train.ncols() + 1, classes));
        for penalty in penalties {
            let model = if let Some(system) = &system {
                Fitted::Ridge(system.solve(penalty)?)
            } else {
                let x = train.view();
                let model = LogisticRegression::fit_from(x, train_labels, penalty, start, TOLERANCE)?;
                start = model.parameters();
                Fitted::Logistic(model)
            };
            let reached = accuracy(&model.classes(validation.view())?, validation_labels);
            if best.as_ref().is_none_or(|(_, _, accuracy)| reached > *accuracy) {
                best = Some((model, penalty, reached));
            }
        }
        let none = Error::TooFew { what: "penalties", expected: 1, found: 0 };
        let (model, penalty, validation_accuracy) = best.ok_or(none)?;
        Ok(Self { standardizer, model, penalty, validation_accuracy })
    }

    /// The penalty that was chosen.
    pub const fn penalty(&self) -> f64 {
        self.penalty
    }

    /// Share of validation items that are right.
    pub const fn validation_accuracy(&self) -> f64 {
        self.validation_accuracy
    }

    /// For each item and class a score, `[items, classes]`: probabilities of a logistic model, targets of a ridge model.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] when there are not as many features as in training; [`Error::TooFew`], [`Error::NotFinite`].
    pub fn scores(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.model.scores(self.standardizer.apply(features)?.view())
    }

    /// The class with the highest score, for each item.
    ///
    /// # Errors
    /// As [`scores`](Self::scores).
    pub fn predict(&self, features: ArrayView2<'_, f64>) -> Result<Vec<usize>> {
        self.model.classes(self.standardizer.apply(features)?.view())
    }
}
