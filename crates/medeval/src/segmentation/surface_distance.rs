//! Distances between the surfaces of two masks.

use ndarray::ArrayView;

use super::dimension::{MaskDimension, checked_steps};
use super::nearest_point::KdTree;
use super::surface::{bounds, crop, hull, surface};
use crate::check;
use crate::error::{Error, Result};
use crate::statistics::quantile;

/// Rounding that a distance may carry when it is compared with a tolerance.
const ROUNDING: f64 = 1e-6;

/// Distances in mm from each surface voxel of one mask to the nearest surface voxel of the other, both ways.
///
/// The surface of a mask is made of its voxels that share a face (in two dimensions an edge) with the outside; beyond the array
/// all is outside, so all voxels of a volume with a single slice are surface: give that slice in two dimensions. Distances are
/// between voxel centres. This is the convention of MONAI and MedPy; measures over surface elements (Nikolov et al. 2018) differ
/// from it by fractions of a voxel. Time and memory grow with the surfaces, not with the volume between them.
///
/// All measures come from one pass:
///
/// ```
/// use medcore::Spacing;
/// use medeval::segmentation::SurfaceDistances;
/// use ndarray::{Array3, s};
/// let mut truth = Array3::from_elem([8, 16, 16], false);
/// truth.slice_mut(s![2..6, 4..12, 4..12]).fill(true);
/// let mut predicted = Array3::from_elem([8, 16, 16], false);
/// predicted.slice_mut(s![2..6, 4..12, 6..14]).fill(true);
/// let spacing = Spacing::new(0.5, 0.5, 2.0);
/// let distances = SurfaceDistances::between(predicted.view(), truth.view(), spacing)?;
/// assert_eq!(distances.hausdorff(), 1.0);
/// assert!(distances.average() < 1.0);
/// assert_eq!(distances.normalised_dice(1.0)?, 1.0);
/// # Ok::<(), medeval::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SurfaceDistances {
    to_truth: Vec<f64>,
    to_predicted: Vec<f64>,
}

impl SurfaceDistances {
    /// Measures two masks of one shape.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::InvalidSpacing`].
    pub fn between<D: MaskDimension>(
        predicted: ArrayView<'_, bool, D>,
        truth: ArrayView<'_, bool, D>,
        spacing: D::Spacing,
    ) -> Result<Self> {
        check::same_shape(predicted.shape(), truth.shape())?;
        let steps = checked_steps::<D>(spacing)?;
        let (predicted, truth) = (D::as_slices(predicted), D::as_slices(truth));
        let Some(block) = hull(bounds(predicted), bounds(truth)) else { return Ok(Self::default()) };
        let predicted = surface(crop(predicted, &block), steps, D::HAS_SLICES);
        let truth = surface(crop(truth, &block), steps, D::HAS_SLICES);
        let to_truth = KdTree::new(truth.clone()).distances(&predicted);
        let to_predicted = KdTree::new(predicted).distances(&truth);
        Ok(Self { to_truth, to_predicted })
    }

    /// From each voxel of the predicted surface to the true one, in mm, in row-major order.
    pub fn to_truth(&self) -> &[f64] {
        &self.to_truth
    }

    /// From each voxel of the true surface to the predicted one, in mm, in row-major order.
    pub fn to_predicted(&self) -> &[f64] {
        &self.to_predicted
    }

    /// Hausdorff distance in mm: the largest of all distances; 0 when both masks are empty, infinite when one is.
    pub fn hausdorff(&self) -> f64 {
        self.to_truth.iter().chain(&self.to_predicted).fold(0.0, |a, b| a.max(*b))
    }

    /// The larger of the two directed percentiles, in mm (as MONAI does); empty masks as for [`hausdorff`](Self::hausdorff).
    ///
    /// Percentiles between two distances are interpolated linearly, as numpy does.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when `percent` is not from 0 to 100.
    pub fn hausdorff_percentile(&self, percent: f64) -> Result<f64> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(Error::OutOfRange { what: "percentile", expected: "from 0 to 100", found: percent });
        }
        Ok(percentile(&self.to_truth, percent).max(percentile(&self.to_predicted, percent)))
    }

    /// The 95th percentile Hausdorff distance in mm, [`hausdorff_percentile`](Self::hausdorff_percentile) of 95.
    pub fn hd95(&self) -> f64 {
        percentile(&self.to_truth, 95.0).max(percentile(&self.to_predicted, 95.0))
    }

    /// Average symmetric surface distance in mm: the mean of the distances of both directions together; 0 when both masks are
    /// empty, infinite when one is.
    pub fn average(&self) -> f64 {
        let count = self.to_truth.len() + self.to_predicted.len();
        let sum = self.to_truth.iter().sum::<f64>() + self.to_predicted.iter().sum::<f64>();
        if count == 0 { 0.0 } else { sum / count as f64 }
    }

    /// Normalised surface Dice (Nikolov et al., arXiv 1809.04430): the share of both surfaces that lies within `tolerance` mm
    /// of the other; 1 when both masks are empty, 0 when one is.
    ///
    /// Surface voxels are counted, as MONAI does by default. The paper weighs surface elements by their area, which gives other
    /// (mostly higher) values where the tolerance is not large beside the voxels: say which was used, and compare like with like.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the tolerance is negative or not finite.
    pub fn normalised_dice(&self, tolerance: f64) -> Result<f64> {
        check::not_negative("tolerance in mm", tolerance)?;
        let limit = tolerance * (1.0 + ROUNDING);
        let all = self.to_truth.iter().chain(&self.to_predicted);
        let within = all.filter(|d| **d <= limit).count();
        let count = self.to_truth.len() + self.to_predicted.len();
        Ok(if count == 0 { 1.0 } else { within as f64 / count as f64 })
    }
}

/// 0 when there are no values.
fn percentile(values: &[f64], percent: f64) -> f64 {
    quantile(values.to_vec(), percent / 100.0).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use medcore::{PixelSpacing, Spacing};
    use ndarray::{Array2, Array3, s};

    use super::*;

    #[test]
    fn empty_masks_have_answers() {
        let empty = Array3::from_elem([3, 4, 5], false);
        let mut one = empty.clone();
        one[[1, 1, 1]] = true;
        let spacing = Spacing::isotropic(2.0);
        let none = SurfaceDistances::between(empty.view(), empty.view(), spacing).unwrap();
        assert_eq!((none.hausdorff(), none.hd95(), none.average()), (0.0, 0.0, 0.0));
        assert_eq!(none.normalised_dice(0.0).unwrap(), 1.0);
        for (a, b) in [(&empty, &one), (&one, &empty)] {
            let found = SurfaceDistances::between(a.view(), b.view(), spacing).unwrap();
            assert_eq!((found.hausdorff(), found.hd95()), (f64::INFINITY, f64::INFINITY));
            assert_eq!(found.average(), f64::INFINITY);
            assert_eq!(found.normalised_dice(1e9).unwrap(), 0.0);
        }
    }

    #[test]
    fn a_tolerance_that_is_a_multiple_of_the_spacing_includes_it() {
        let mut a = Array2::from_elem([20, 20], false);
        let mut b = a.clone();
        a.slice_mut(s![4..10, 4..10]).fill(true);
        b.slice_mut(s![4..10, 7..13]).fill(true);
        for column in [0.1, 0.3, 0.6, 0.7] {
            let spacing = PixelSpacing { row: 5.0, column };
            let found = SurfaceDistances::between(a.view(), b.view(), spacing).unwrap();
            assert_eq!(found.normalised_dice(3.0 * column).unwrap(), 1.0, "{column}");
        }
    }

    #[test]
    fn bad_arguments_are_refused() {
        let a = Array2::from_elem([4, 4], true);
        let spacing = PixelSpacing { row: 1.0, column: 1.0 };
        let found = SurfaceDistances::between(a.view(), a.slice(s![.., ..3]), spacing);
        assert!(matches!(found, Err(Error::ShapeMismatch { .. })));
        let found = SurfaceDistances::between(a.view(), a.view(), PixelSpacing { row: 0.0, column: 1.0 });
        assert!(matches!(found, Err(Error::InvalidSpacing { .. })));
        let same = SurfaceDistances::between(a.view(), a.view(), spacing).unwrap();
        assert!(matches!(same.normalised_dice(-1.0), Err(Error::OutOfRange { .. })));
        assert!(matches!(same.hausdorff_percentile(f64::NAN), Err(Error::OutOfRange { .. })));
    }
}
