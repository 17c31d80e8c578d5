//! Whether text on an image sways its features.
//!
//! Items are pairs: an image, and the same image with something drawn over it (a neutral word, the right label, a wrong one, or
//! random glyphs of as many pixels as a control). Compare each overlay with the control.

use ndarray::{ArrayView2, concatenate};

use super::linear_probe::{LinearProbe, LinearProbeOptions};
use super::normalize::accuracy;
use super::scatter::{centroids, class_sizes};
use crate::check;
use crate::error::{Error, Result};
use crate::statistics::quantile;

/// How far an overlay moves features.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlayShift {
    /// Median distance between the class means of the clean images, the unit of the shifts.
    pub class_distance: f64,
    /// |f(x + overlay) - f(x)| / class distance of each item.
    pub shifts: Vec<f64>,
}

impl OverlayShift {
    /// Mean shift; 1 moves an image as far as from one class to another.
    pub fn mean(&self) -> f64 {
        self.shifts.iter().sum::<f64>() / self.shifts.len() as f64
    }
}

/// How far an overlay moves the features of each image, in units of the median distance between classes.
///
/// `clean` and `overlaid` are `[items, features]`, row by row the same image; `labels` are the classes of the images.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::LengthMismatch`], [`Error::NotFinite`], [`Error::TooFew`], [`Error::OneClass`],
/// [`Error::OutOfRange`] for a class number above the number of items, [`Error::Undefined`] when more than half of the class means
/// are the same.
pub fn overlay_shift(
    clean: ArrayView2<'_, f64>,
    overlaid: ArrayView2<'_, f64>,
    labels: &[usize],
) -> Result<OverlayShift> {
    check::same_shape(clean.shape(), overlaid.shape())?;
    check::labelled(clean, labels)?;
    check::features(overlaid)?;
    let (sizes, centroids) = (class_sizes(labels)?, centroids(clean, labels)?);
    let occupied: Vec<usize> = (0..sizes.len()).filter(|class| sizes[*class] > 0).collect();
    let length = |v: ndarray::Array1<f64>| v.dot(&v).sqrt();
    let distances = occupied.iter().enumerate().flat_map(|(at, &a)| {
        let later = occupied[at + 1..].iter();
        let centroids = &centroids;
        later.map(move |&b| length(&centroids.row(a) - &centroids.row(b)))
    });
    let class_distance =
        quantile(distances.collect(), 0.5).ok_or(Error::OneClass { what: "the distance between classes" })?;
    if class_distance == 0.0 {
        return Err(Error::Undefined { what: "the overlay shift", reason: "class means are the same" });
    }
    let rows = clean.rows().into_iter().zip(overlaid.rows());
    let shifts = rows.map(|(clean, overlaid)| length(&overlaid - &clean) / class_distance).collect();
    Ok(OverlayShift { class_distance, shifts })
}

/// How an overlay changes what a probe says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flips {
    /// Share of items whose predicted class changes.
    pub changed: f64,
    /// Share of items whose predicted class changes to the one the overlay names, of those it did not already have; `None` when
    /// there are no such items.
    pub followed: Option<f64>,
}

/// How many predictions of a probe trained on clean images change, and how many follow the overlay.
///
/// `clean` and `overlaid` are the predicted classes of the same images; `named` the class that the overlay of each image names, if any.
///
/// # Errors
/// [`Error::LengthMismatch`], [`Error::TooFew`] without items.
pub fn flips(clean: &[usize], overlaid: &[usize], named: &[Option<usize>]) -> Result<Flips> {
    check::at_least("items", 1, clean.len())?;
    check::same_length("overlaid predictions", clean.len(), overlaid.len())?;
    check::same_length("named classes", clean.len(), named.len())?;
    let changed = clean.iter().zip(overlaid).filter(|(a, b)| a != b).count();
    let swayable = || {
        let items = clean.iter().zip(overlaid).zip(named);
        items.filter_map(|((clean, overlaid), named)| Some((overlaid, (*named)?)).filter(|(_, n)| n != clean))
    };
    let followed = swayable().filter(|(overlaid, named)| *overlaid == named).count();
    Ok(Flips {
        changed: changed as f64 / clean.len() as f64,
        followed: swayable().next().map(|_| followed as f64 / swayable().count() as f64),
    })
}

/// Accuracy of a linear probe that tells from features which overlay an image has; 1 / overlays when features do not say.
///
/// Each part holds one feature matrix `[items, features]` for each overlay, in the same order; give clean images as one of them. Parts
/// must not share patients.
///
/// # Errors
/// [`Error::TooFew`] with less than two overlays, [`Error::LengthMismatch`] when parts differ in their overlays, and those of
/// [`LinearProbe::fit`].
pub fn overlay_predictability(
    train: &[ArrayView2<'_, f64>],
    validation: &[ArrayView2<'_, f64>],
    test: &[ArrayView2<'_, f64>],
    options: &LinearProbeOptions,
) -> Result<f64> {
    check::at_least("overlays", 2, train.len())?;
    check::same_length("overlays of validation", train.len(), validation.len())?;
    check::same_length("overlays of test", train.len(), test.len())?;
    let joined = |part: &[ArrayView2<'_, f64>]| -> Result<(ndarray::Array2<f64>, Vec<usize>)> {
        for overlay in part {
            check::same_length("features", part[0].ncols(), overlay.ncols())?;
        }
        let shape = || Error::ShapeMismatch { expected: part[0].shape().to_vec(), found: Vec::new() };
        let features = concatenate(ndarray::Axis(0), part).map_err(|_| shape())?;
        let labels = part.iter().enumerate().flat_map(|(overlay, x)| vec![overlay; x.nrows()]).collect();
        Ok((features, labels))
    };
    let ((train, train_labels), (validation, validation_labels)) = (joined(train)?, joined(validation)?);
    let (test, test_labels) = joined(test)?;
    let probe =
        LinearProbe::fit(train.view(), &train_labels, validation.view(), &validation_labels, options)?;
    Ok(accuracy(&probe.predict(test.view())?, &test_labels))
}
