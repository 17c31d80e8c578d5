//! Segmentations: one label per voxel.

use std::collections::BTreeMap;

use crate::bounds::Box3;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::space::{Lps, Voxel};
use crate::volume::Volume;

/// What a label stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Name, as in "left lung".
    pub name: String,
    /// Colour for display: red, green, blue.
    pub color: [u8; 3],
}

/// A volume of labels, 0 being the background, with the names of the labels where they are known.
///
/// ```
/// use medcore::{Geometry, LabelMap, Point3, Spacing, Volume};
/// let g = Geometry::axial([1, 2, 2], Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0))?;
/// let map = LabelMap::new(Volume::from_vec(vec![0, 1, 1, 2], g)?);
/// assert_eq!(map.count(1), 2);
/// assert_eq!(map.volume_mm3(1), 16.0);
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LabelMap {
    volume: Volume<u16>,
    labels: BTreeMap<u16, Label>,
}

impl LabelMap {
    /// From a volume of labels, without names.
    pub const fn new(volume: Volume<u16>) -> Self {
        Self { volume, labels: BTreeMap::new() }
    }

    /// With names for some labels.
    pub fn with_labels(mut self, labels: impl IntoIterator<Item = (u16, Label)>) -> Self {
        self.labels.extend(labels);
        self
    }

    /// The labels as a volume.
    pub const fn volume(&self) -> &Volume<u16> {
        &self.volume
    }

    /// Gives up the names.
    pub fn into_volume(self) -> Volume<u16> {
        self.volume
    }

    /// Where the voxels are.
    pub const fn geometry(&self) -> &Geometry {
        self.volume.geometry()
    }

    /// The names that are known.
    pub const fn labels(&self) -> &BTreeMap<u16, Label> {
        &self.labels
    }

    /// The labels that occur, with their numbers of voxels; the background included.
    pub fn counts(&self) -> BTreeMap<u16, usize> {
        let mut counts = vec![0usize; usize::from(u16::MAX) + 1];
        for &label in self.volume.as_slice() {
            counts[usize::from(label)] += 1;
        }
        (0..=u16::MAX).zip(counts).filter(|&(_, n)| n > 0).collect()
    }

    /// How many voxels have a label.
    pub fn count(&self, label: u16) -> usize {
        self.volume.as_slice().iter().filter(|&&l| l == label).count()
    }

    /// What a label takes up in cubic millimetres.
    pub fn volume_mm3(&self, label: u16) -> f64 {
        let step = |axis| self.geometry().voxel_to_lps().column(axis);
        // The determinant rather than the product of spacings: right for sheared grids too.
        let voxel = step(0).cross(step(1)).dot(step(2)).abs();
        self.count(label) as f64 * voxel
    }

    /// The voxels of one label as 1, all others as 0.
    pub fn mask(&self, label: u16) -> Volume<u8> {
        self.volume.map(|l| u8::from(l == label))
    }

    /// The smallest box of voxels around a label, to the outer faces; `None` where the label does not occur.
    pub fn voxel_bounds(&self, label: u16) -> Option<Box3<Voxel>> {
        let mut range: Option<([usize; 3], [usize; 3])> = None;
        for ((k, j, i), &l) in self.volume.voxels().indexed_iter() {
            if l == label {
                let at = [k, j, i];
                let (start, end) = range.get_or_insert((at, at));
                for axis in 0..3 {
                    start[axis] = start[axis].min(at[axis]);
                    end[axis] = end[axis].max(at[axis]);
                }
            }
        }
        let (start, end) = range?;
        Box3::of_voxels(start, end.map(|n| n + 1)).ok()
    }

    /// The smallest box in patient space around [`voxel_bounds`](Self::voxel_bounds).
    pub fn bounds(&self, label: u16) -> Option<Box3<Lps>> {
        Some(self.voxel_bounds(label)?.map_affine(self.geometry().voxel_to_lps()))
    }

    /// Labels found by rounding another volume, such as a segmentation read as floating-point numbers.
    ///
    /// # Errors
    /// [`Error::InvalidLabel`](crate::Error::InvalidLabel) when a voxel is negative, above 65 535 or not a whole number.
    pub fn from_volume(volume: &Volume<f32>) -> Result<Self> {
        let whole = |v: f32| v.fract() == 0.0 && (0.0..=f32::from(u16::MAX)).contains(&v);
        match volume.as_slice().iter().find(|v| !whole(**v)) {
            Some(&found) => Err(crate::Error::InvalidLabel { found: f64::from(found) }),
            None => Ok(Self::new(volume.cast())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Point3, Spacing};

    fn map() -> LabelMap {
        let g = Geometry::axial([2, 2, 3], Spacing::new(1.0, 2.0, 4.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        LabelMap::new(Volume::from_vec(vec![0, 7, 0, 0, 7, 7, 0, 0, 0, 0, 0, 7], g).unwrap())
    }

    #[test]
    fn counts_bounds_and_volume() {
        let map = map();
        assert_eq!(map.counts().into_iter().collect::<Vec<_>>(), [(0, 8), (7, 4)]);
        assert_eq!(map.volume_mm3(7), 32.0);
        let b = map.bounds(7).unwrap();
        assert_eq!(b.min().coords(), [0.5, -1.0, -2.0]);
        assert_eq!(b.max().coords(), [2.5, 3.0, 6.0]);
        assert!(map.bounds(3).is_none());
        assert_eq!(map.mask(7).as_slice().iter().filter(|&&v| v == 1).count(), 4);
    }

    #[test]
    fn only_whole_numbers_are_labels() {
        let g = *map().geometry();
        let mut values = vec![0.0f32; 12];
        assert!(LabelMap::from_volume(&Volume::from_vec(values.clone(), g).unwrap()).is_ok());
        for bad in [0.5, -1.0, 65536.0, f32::NAN] {
            values[3] = bad;
            let found = LabelMap::from_volume(&Volume::from_vec(values.clone(), g).unwrap());
            assert!(matches!(found, Err(Error::InvalidLabel { .. })), "{bad}");
        }
    }
}
