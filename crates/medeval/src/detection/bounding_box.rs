//! Boxes in two and three dimensions.

use medcore::{Box3, PixelBox, Point3, Space};
use ndarray::Array2;

use crate::check;
use crate::error::{Error, Result};

mod sealed {
    pub trait Sealed {}
    impl Sealed for medcore::PixelBox {}
    impl<S: medcore::Space> Sealed for medcore::Box3<S> {}
}

/// A box with sides along the axes: [`PixelBox`] or [`Box3`]; sealed.
pub trait BoundingBox: sealed::Sealed + Copy + Send + Sync {
    /// Intersection over union of areas or volumes, 0 to 1; 0 when both are empty.
    fn iou(&self, other: &Self) -> f64;

    /// Generalised intersection over union, -1 to 1 (Rezatofighi et al., CVPR 2019).
    fn giou(&self, other: &Self) -> f64;

    /// The box whose corners are the weighted means of the corners; all boxes count the same when no weight is above 0.
    ///
    /// # Errors
    /// [`Error::TooFew`] without boxes, [`Error::Core`] when a corner is not finite.
    fn weighted_mean(boxes: &[(Self, f64)]) -> Result<Self>;
}

impl BoundingBox for PixelBox {
    fn iou(&self, other: &Self) -> f64 {
        Self::iou(self, other)
    }

    fn giou(&self, other: &Self) -> f64 {
        Self::giou(self, other)
    }

    fn weighted_mean(boxes: &[(Self, f64)]) -> Result<Self> {
        let [x_min, y_min, x_max, y_max] = mean(boxes, |b| b.xyxy())?;
        Ok(Self::new(x_min, y_min, x_max, y_max)?)
    }
}

impl<S: Space> BoundingBox for Box3<S> {
    fn iou(&self, other: &Self) -> f64 {
        Self::iou(self, other)
    }

    fn giou(&self, other: &Self) -> f64 {
        let (a, b) = (corners(self), corners(other));
        let hull: f64 = (0..3).map(|i| a[i + 3].max(b[i + 3]) - a[i].min(b[i])).product();
        let shared = self.intersection(other).map_or(0.0, |both| both.volume());
        let union = self.volume() + other.volume() - shared;
        Self::iou(self, other) - if hull > 0.0 { (hull - union) / hull } else { 0.0 }
    }

    fn weighted_mean(boxes: &[(Self, f64)]) -> Result<Self> {
        let [a, b, c, d, e, f] = mean(boxes, corners)?;
        Ok(Self::new(Point3::new(a, b, c), Point3::new(d, e, f))?)
    }
}

fn corners<S: Space>(b: &Box3<S>) -> [f64; 6] {
    let (min, max) = (b.min(), b.max());
    [min.x, min.y, min.z, max.x, max.y, max.z]
}

fn mean<B, const N: usize>(boxes: &[(B, f64)], corners: impl Fn(&B) -> [f64; N]) -> Result<[f64; N]> {
    check::at_least("boxes", 1, boxes.len())?;
    let total: f64 = boxes.iter().map(|(_, weight)| weight).sum();
    let mut mean = [0.0; N];
    for (b, weight) in boxes {
        let share = if total > 0.0 { weight / total } else { 1.0 / boxes.len() as f64 };
        mean.iter_mut().zip(corners(b)).for_each(|(m, c)| *m += share * c);
    }
    Ok(mean)
}

/// A box and how sure a model is of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredBox<B> {
    /// Where it is.
    pub bounds: B,
    /// More is surer; 0 to 1 where boxes of several models are fused.
    pub score: f64,
}

impl<B> ScoredBox<B> {
    /// A box with its score.
    pub const fn new(bounds: B, score: f64) -> Self {
        Self { bounds, score }
    }
}

/// IoU of every box of `a` with every box of `b`, `[a, b]`.
pub fn iou_matrix<B: BoundingBox>(a: &[B], b: &[B]) -> Array2<f64> {
    Array2::from_shape_fn((a.len(), b.len()), |(i, j)| a[i].iou(&b[j]))
}

/// GIoU of every box of `a` with every box of `b`, `[a, b]`.
pub fn giou_matrix<B: BoundingBox>(a: &[B], b: &[B]) -> Array2<f64> {
    Array2::from_shape_fn((a.len(), b.len()), |(i, j)| a[i].giou(&b[j]))
}

/// An IoU threshold.
pub(crate) fn check_threshold(found: f64) -> Result<()> {
    if (0.0..=1.0).contains(&found) {
        Ok(())
    } else {
        Err(Error::OutOfRange { what: "IoU threshold", expected: "from 0 to 1", found })
    }
}

/// Indices of boxes by falling score; boxes of equal score keep their order.
pub(crate) fn by_score<B>(boxes: &[ScoredBox<B>]) -> Result<Vec<usize>> {
    check::all_finite("scores", boxes.iter().map(|b| &b.score))?;
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| boxes[b].score.total_cmp(&boxes[a].score));
    Ok(order)
}
