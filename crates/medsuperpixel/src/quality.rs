//! How well regions keep to the objects of a reference segmentation.
//!
//! The definitions are those of Stutz, Hermans and Leibe, "Superpixels: An evaluation of the state-of-the-art", CVIU 2018.
//! Pixels that are outside of the mask of the regions (label 0) are left out.

use std::collections::BTreeMap;

use ndarray::ArrayView3;

use crate::error::{Error, Result};
use crate::superpixels::Superpixels;

/// How regions and reference agree.
///
/// ```
/// use medcore::Spacing;
/// use medsuperpixel::{Quality, Superpixels};
/// use ndarray::array;
/// let superpixels = Superpixels::from_labels(array![[[1, 1, 2, 2]]], Spacing::isotropic(1.0))?;
/// let reference = array![[[7, 7, 7, 9]]];
/// let quality = Quality::of(&superpixels, reference.view(), 0)?;
/// assert_eq!(quality.achievable_accuracy, 0.75);
/// assert_eq!(quality.undersegmentation_error, 0.5);
/// assert_eq!(quality.boundary_recall, 0.5);
/// # Ok::<(), medsuperpixel::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The part of the reference's boundary pixels that have a boundary pixel of the regions nearby. Boundary pixels are those with
    /// a neighbour (4 in 2D, 6 in 3D) of another label. 1 where the reference has no boundary.
    pub boundary_recall: f64,
    /// What regions leak over the objects that they overlap: the sum over objects and regions that overlap of the smaller of the
    /// parts of the region inside and outside of the object, over the number of pixels (Neubert and Protzel 2012).
    pub undersegmentation_error: f64,
    /// The accuracy of the best segmentation that can be made of whole regions: the part of pixels that are in the object that
    /// their region has most of.
    pub achievable_accuracy: f64,
}

impl Quality {
    /// Compares regions with the labels `[slice, row, column]` of a reference, whatever their numbers.
    ///
    /// `tolerance`: pixels, along each axis, that a boundary may be off.
    ///
    /// # Errors
    /// [`Error::Shape`] when the two differ in size; [`Error::EmptyMask`] when no pixel has a region.
    pub fn of(superpixels: &Superpixels, reference: ArrayView3<'_, u32>, tolerance: usize) -> Result<Self> {
        let size = superpixels.size();
        if reference.shape() != size {
            let (expected, found) = (size.to_vec(), reference.shape().to_vec());
            return Err(Error::Shape { what: "reference", expected, found });
        }
        let reference = reference.as_standard_layout();
        let objects = reference.as_slice().unwrap_or_default();
        let regions = superpixels.as_slice();
        let pixels = regions.iter().filter(|r| **r > 0).count();
        if pixels == 0 {
            return Err(Error::EmptyMask);
        }
        let mut sizes = vec![0usize; superpixels.count() + 1];
        let mut overlaps: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for (&region, &object) in regions.iter().zip(objects).filter(|(r, _)| **r > 0) {
            sizes[region as usize] += 1;
            *overlaps.entry((region, object)).or_default() += 1;
        }
        let mut most = vec![0usize; sizes.len()];
        let mut leak = 0;
        for (&(region, _), &n) in &overlaps {
            let region = region as usize;
            most[region] = most[region].max(n);
            leak += n.min(sizes[region] - n);
        }
        Ok(Self {
            boundary_recall: boundary_recall(regions, objects, size, tolerance),
            undersegmentation_error: leak as f64 / pixels as f64,
            achievable_accuracy: most.iter().sum::<usize>() as f64 / pixels as f64,
        })
    }
}

fn boundary_recall(regions: &[u32], objects: &[u32], size: [usize; 3], tolerance: usize) -> f64 {
    let mut near = boundaries(regions, size);
    for axis in 0..3 {
        near = spread(&near, size, axis, tolerance);
    }
    let reference = boundaries(objects, size);
    let of_reference = || reference.iter().zip(&near).zip(regions).filter(|((b, _), r)| **b && **r > 0);
    let all = of_reference().count();
    if all == 0 {
        return 1.0;
    }
    of_reference().filter(|((_, near), _)| **near).count() as f64 / all as f64
}

/// From one pixel to the next along an axis.
const fn step(size: [usize; 3], axis: usize) -> usize {
    [size[1] * size[2], size[2], 1][axis]
}

/// Pixels with a neighbour of another label.
fn boundaries(labels: &[u32], size: [usize; 3]) -> Vec<bool> {
    let mut found = vec![false; labels.len()];
    for axis in 0..3 {
        let step = step(size, axis);
        for i in 0..labels.len().saturating_sub(step) {
            if i / step % size[axis] + 1 < size[axis] && labels[i] != labels[i + step] {
                (found[i], found[i + step]) = (true, true);
            }
        }
    }
    found
}

/// Pixels at most `reach` away from one that is set, along an axis.
fn spread(set: &[bool], size: [usize; 3], axis: usize, reach: usize) -> Vec<bool> {
    let (step, extent) = (step(size, axis), size[axis]);
    let mut found = set.to_vec();
    for i in (0..set.len()).filter(|i| set[*i]) {
        let at = i / step % extent;
        let first = i - at.min(reach) * step;
        let last = i + (extent - 1 - at).min(reach) * step;
        (first..=last).step_by(step).for_each(|k| found[k] = true);
    }
    found
}
