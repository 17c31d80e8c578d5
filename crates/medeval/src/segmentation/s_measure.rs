//! Structure measure of a foreground map.

use ndarray::{ArrayView2, s};

use super::mean_absolute_error::check_map;
use crate::error::Result;

/// What object and region count, as in the paper.
const ALPHA: f64 = 0.5;

/// S-measure (Fan et al., "Structure-measure", ICCV 2017), 0 to 1: how alike the structures of a foreground map and of its truth
/// are, by object (section 3.2) and by region (section 3.1), which count the same.
///
/// `predicted` holds numbers from 0 to 1, `[row, column]`, and is taken as it is: it is not stretched to that range. Where
/// truth is empty the answer is 1 less the mean of the map, where it is full the mean.
///
/// # Errors
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::OutOfRange`](crate::Error::OutOfRange) for values that are
/// not from 0 to 1, [`Error::TooFew`](crate::Error::TooFew) without pixels.
pub fn s_measure(predicted: ArrayView2<'_, f32>, truth: ArrayView2<'_, bool>) -> Result<f64> {
    check_map(predicted, truth)?;
    let predicted = predicted.mapv(f64::from);
    let foreground = truth.iter().filter(|t| **t).count();
    let mean = predicted.sum() / predicted.len() as f64;
    Ok(match foreground {
        0 => 1.0 - mean,
        n if n == truth.len() => mean,
        _ => {
            let object = object_score(predicted.view(), truth);
            let region = region_score(predicted.view(), truth);
            (ALPHA * object + (1.0 - ALPHA) * region).max(0.0)
        }
    })
}

/// Similarity of the object and of the background, weighted by their areas.
fn object_score(predicted: ArrayView2<'_, f64>, truth: ArrayView2<'_, bool>) -> f64 {
    let of = |inside: bool| -> Vec<f64> {
        let pixels = predicted.iter().zip(truth).filter(|(_, t)| **t == inside);
        pixels.map(|(&p, _)| if inside { p } else { 1.0 - p }).collect()
    };
    let (object, background) = (of(true), of(false));
    let share = object.len() as f64 / truth.len() as f64;
    share * similarity(&object) + (1.0 - share) * similarity(&background)
}

/// Equation 5 of the paper: high where values are near 1 and alike.
fn similarity(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let deviation = if values.len() > 1 { (squares / (values.len() - 1) as f64).sqrt() } else { 0.0 };
    2.0 * mean / (mean * mean + 1.0 + deviation + f64::EPSILON)
}

/// Structural similarity in the four blocks around the centroid of truth, weighted by their areas.
fn region_score(predicted: ArrayView2<'_, f64>, truth: ArrayView2<'_, bool>) -> f64 {
    let (rows, columns) = truth.dim();
    let (row, column) = centroid(truth);
    let blocks = [s![..row, ..column], s![..row, column..], s![row.., ..column], s![row.., column..]];
    let total = (rows * columns) as f64;
    let score = |block| {
        let (predicted, truth) = (predicted.slice(block), truth.slice(block));
        if truth.is_empty() {
            0.0
        } else {
            truth.len() as f64 / total * structural_similarity(predicted, truth)
        }
    };
    blocks.into_iter().map(score).sum()
}

/// One past the row and column of the centroid, which is rounded to even.
fn centroid(truth: ArrayView2<'_, bool>) -> (usize, usize) {
    let inside = || truth.indexed_iter().filter(|(_, t)| **t).map(|(at, _)| at);
    let count = inside().count() as f64;
    let mean = |sum: usize| (sum as f64 / count).round_ties_even() as usize + 1;
    (mean(inside().map(|at| at.0).sum()), mean(inside().map(|at| at.1).sum()))
}

/// SSIM of whole blocks, without stabilising constants (equation 2 of the paper).
fn structural_similarity(predicted: ArrayView2<'_, f64>, truth: ArrayView2<'_, bool>) -> f64 {
    let n = predicted.len() as f64;
    let value = |t: bool| if t { 1.0 } else { 0.0 };
    let x = predicted.sum() / n;
    let y = truth.iter().map(|t| value(*t)).sum::<f64>() / n;
    let (mut of_x, mut of_y, mut of_both) = (0.0, 0.0, 0.0);
    for (p, t) in predicted.iter().zip(truth) {
        let (dx, dy) = (p - x, value(*t) - y);
        of_x += dx * dx;
        of_y += dy * dy;
        of_both += dx * dy;
    }
    let degrees = n - 1.0 + f64::EPSILON;
    let alpha = 4.0 * x * y * of_both / degrees;
    let beta = (x * x + y * y) * (of_x + of_y) / degrees;
    if alpha != 0.0 {
        alpha / (beta + f64::EPSILON)
    } else if beta == 0.0 {
        1.0
    } else {
        0.0
    }
}
