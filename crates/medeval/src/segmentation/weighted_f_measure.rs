//! Weighted F-measure of a foreground map.

use ndarray::{Array2, ArrayView2};

use super::feature_transform::feature_transform;
use super::mean_absolute_error::check_map;
use crate::error::Result;

/// Side and standard deviation of the Gaussian in pixels, and the distance at which an error counts 1.5 times as much; all as
/// in the paper.
const WINDOW: usize = 7;
const SIGMA: f64 = 5.0;
const DECAY: f64 = 5.0;

/// Weighted F-measure (Margolin, Zelnik-Manor and Tal, "How to Evaluate Foreground Maps?", CVPR 2014) with beta = 1, 0 to 1:
/// errors beside right pixels count less, errors far from the object more.
///
/// `predicted` holds numbers from 0 to 1, `[row, column]`, and is taken as it is. 0 when truth is empty.
///
/// A background pixel takes the error of the nearest object pixel; where several are as near, which the paper leaves open, of the one
/// in the lowest column, and there in the lowest row.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::OutOfRange`](crate::Error::OutOfRange) for values that are
/// not from 0 to 1, [`Error::TooFew`](crate::Error::TooFew) without pixels.
pub fn weighted_f_measure(predicted: ArrayView2<'_, f32>, truth: ArrayView2<'_, bool>) -> Result<f64> {
    check_map(predicted, truth)?;
    let Some(nearest) = feature_transform(truth) else { return Ok(0.0) };
    let value = |t: bool| if t { 1.0 } else { 0.0 };
    let error = Array2::from_shape_fn(truth.dim(), |at| (f64::from(predicted[at]) - value(truth[at])).abs());
    let spread = Array2::from_shape_fn(truth.dim(), |at| error[[nearest[at].row, nearest[at].column]]);
    let smooth = gaussian(&spread);

    let (mut missed, mut wrong, mut positive) = (0.0, 0.0, 0.0);
    for (at, &inside) in truth.indexed_iter() {
        if inside {
            positive += 1.0;
            missed += error[at].min(smooth[at]);
        } else {
            let importance = 2.0 - (0.5f64.ln() / DECAY * nearest[at].distance).exp();
            wrong += importance * error[at];
        }
    }
    let found = positive - missed;
    let recall = 1.0 - missed / positive;
    let precision = found / (found + wrong + f64::EPSILON);
    Ok(2.0 * recall * precision / (recall + precision + f64::EPSILON))
}

/// Filters with a normalised Gaussian window; outside the map is 0.
fn gaussian(map: &Array2<f64>) -> Array2<f64> {
    let half = (WINDOW / 2) as isize;
    let mut weights: Vec<f64> =
        (-half..=half).map(|x| (-((x * x) as f64) / (2.0 * SIGMA * SIGMA)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    let blend = |line: &dyn Fn(usize) -> f64, length: usize, at: usize| -> f64 {
        let inside = |k: usize| (at + k).checked_sub(WINDOW / 2).filter(|i| *i < length);
        weights.iter().enumerate().filter_map(|(k, w)| Some(w * line(inside(k)?))).sum()
    };
    let (rows, columns) = map.dim();
    let within = Array2::from_shape_fn(map.dim(), |(r, c)| blend(&|i| map[[r, i]], columns, c));
    Array2::from_shape_fn(map.dim(), |(r, c)| blend(&|i| within[[i, c]], rows, r))
}
