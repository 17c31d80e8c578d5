//! Turning the axes of a volume towards other sides of the patient.

use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::label_map::LabelMap;
use crate::orientation::Orientation;
use crate::permute::{AxisFrom, permute};
use crate::scalar::Scalar;
use crate::space::{Affine3, Voxel};
use crate::volume::Volume;

impl Geometry {
    /// The same voxels with the axes permuted and reversed such that they run as asked. Every voxel stays where it is in the
    /// patient; axes are not rotated, so an oblique grid stays oblique.
    ///
    /// # Errors
    /// [`Error::InvalidOrientation`] for a text that names none.
    pub fn reorient<O>(&self, orientation: O) -> Result<Self>
    where
        O: TryInto<Orientation>,
        O::Error: Into<Error>,
    {
        let orientation = orientation.try_into().map_err(Into::into)?;
        self.with_axes(self.axes_towards(orientation))
    }

    /// For each axis of an orientation (array order) the axis of this grid it is.
    fn axes_towards(&self, orientation: Orientation) -> [AxisFrom; 3] {
        let (own, asked) = (self.orientation().directions(), orientation.directions());
        std::array::from_fn(|axis| {
            let towards = asked[2 - axis];
            let along = |voxel: &usize| own[*voxel].lps_axis() == towards.lps_axis();
            // Orientations name each patient axis once, so there is one to find.
            let voxel = (0..3).find(along).unwrap_or_default();
            AxisFrom { axis: 2 - voxel, reversed: own[voxel] != towards }
        })
    }

    fn with_axes(&self, from: [AxisFrom; 3]) -> Result<Self> {
        let mut linear = [[0.0; 3]; 3];
        let mut offset = [0.0; 3];
        for (axis, f) in from.iter().enumerate() {
            let (new, old) = (2 - axis, 2 - f.axis);
            linear[old][new] = if f.reversed { -1.0 } else { 1.0 };
            offset[old] = if f.reversed { self.size()[f.axis] as f64 - 1.0 } else { 0.0 };
        }
        let new_to_old = Affine3::<Voxel, Voxel>::new(linear, offset);
        self.with_voxel_map(from.map(|f| self.size()[f.axis]), &new_to_old)
    }
}

impl<T: Scalar> Volume<T> {
    /// The same voxels with the axes permuted and reversed such that they run as asked. Every voxel keeps its value and stays
    /// where it is in the patient; axes are not rotated, so an oblique volume stays oblique.
    ///
    /// ```
    /// use medcore::{Geometry, Orientation, Point3, Spacing, Volume};
    /// let g = Geometry::axial([2, 3, 4], Spacing::new(1.0, 1.0, 5.0), Point3::new(-10.0, 20.0, 30.0))?;
    /// let lps = Volume::from_vec((0..24i16).collect(), g)?;
    /// let ras = lps.reorient("RAS")?;
    /// assert_eq!(ras.orientation(), Orientation::RAS);
    /// assert_eq!(ras.voxels()[[0, 2, 3]], lps.voxels()[[0, 0, 0]]);
    /// assert_eq!(ras.geometry().position([0, 2, 3]), lps.geometry().position([0, 0, 0]));
    /// assert_eq!(lps.reorient(Orientation::RAS)?.reorient("LPS")?, lps);
    /// # Ok::<(), medcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOrientation`] for a text that names none; [`Error::OutOfMemory`].
    pub fn reorient<O>(&self, orientation: O) -> Result<Self>
    where
        O: TryInto<Orientation>,
        O::Error: Into<Error>,
    {
        let orientation = orientation.try_into().map_err(Into::into)?;
        let from = self.geometry().axes_towards(orientation);
        let voxels = permute(self.as_slice(), self.size(), from)?;
        Self::from_vec(voxels, self.geometry().with_axes(from)?)
    }
}

impl LabelMap {
    /// As [`Volume::reorient`]; names are kept.
    ///
    /// # Errors
    /// As [`Volume::reorient`].
    pub fn reorient<O>(&self, orientation: O) -> Result<Self>
    where
        O: TryInto<Orientation>,
        O::Error: Into<Error>,
    {
        Ok(self.with_volume(self.volume().reorient(orientation)?))
    }

    /// Other voxels under the same names.
    pub(crate) fn with_volume(&self, volume: Volume<u16>) -> Self {
        Self::new(volume).with_labels(self.labels().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Point3, Spacing};

    #[test]
    fn a_text_that_names_no_orientation_is_refused() {
        let g = Geometry::axial([1, 2, 3], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        let volume = Volume::filled(0u8, g);
        assert!(matches!(volume.reorient("LLS"), Err(Error::InvalidOrientation { .. })));
        assert!(matches!(g.reorient("up"), Err(Error::InvalidOrientation { .. })));
    }

    #[test]
    fn names_are_kept() {
        let g = Geometry::axial([1, 1, 3], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        let label = Label { name: "liver".into(), color: [1, 2, 3] };
        let map = LabelMap::new(Volume::from_vec(vec![0, 0, 4], g).unwrap()).with_labels([(4, label)]);
        let turned = map.reorient("RPS").unwrap();
        assert_eq!(turned.volume().as_slice(), [4, 0, 0]);
        assert_eq!(turned.labels(), map.labels());
    }
}
