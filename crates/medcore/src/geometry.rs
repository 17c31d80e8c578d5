//! Where the voxels of a volume are in the patient.

use crate::bounds::Box3;
use crate::error::{Error, Result};
use crate::matrix::{self, Matrix3};
use crate::orientation::Orientation;
use crate::space::{Affine3, Lps, Point3, Ras, Vector3, Voxel};
use crate::spacing::Spacing;

/// The size of a volume and the affine that places its voxels in the patient.
///
/// Sizes and array indices are in array order `[slice, row, column]`; [`Point3<Voxel>`] is x = column, y =
/// row, z = slice. The affine maps voxel *centres*; a voxel reaches half a step to each side. Axes need not be
/// at right angles (gantry tilt is a shear) nor right-handed (many NIfTI files are stored left-handed).
///
/// ```
/// use medcore::{Geometry, Point3, Spacing};
/// let g = Geometry::axial([40, 512, 512], Spacing::new(0.7, 0.7, 2.5), Point3::new(-180.0, -180.0, 60.0))?;
/// assert_eq!(g.orientation().to_string(), "LPS");
/// assert_eq!(g.position([2, 0, 10]).coords(), [-173.0, -180.0, 65.0]);
/// assert_eq!(g.index(Point3::new(-173.2, -179.9, 65.5)), Some([2, 0, 10]));
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    size: [usize; 3],
    voxel_to_lps: Affine3<Voxel, Lps>,
    lps_to_voxel: Affine3<Lps, Voxel>,
}

impl Geometry {
    /// From the size `[slices, rows, columns]` and the affine of voxel centres.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] when an extent is 0 or the product overflows; [`Error::SingularAffine`] or
    /// [`Error::NotFinite`] when the affine has no inverse.
    pub fn new(size: [usize; 3], voxel_to_lps: Affine3<Voxel, Lps>) -> Result<Self> {
        check_size(&size)?;
        Ok(Self { size, voxel_to_lps, lps_to_voxel: voxel_to_lps.inverse()? })
    }

    /// Axes along the patient's in the order of LPS: the usual axial stack, from the centre of its first voxel.
    ///
    /// # Errors
    /// As [`Geometry::new`], and [`Error::InvalidSpacing`].
    pub fn axial(size: [usize; 3], spacing: Spacing, origin: Point3<Lps>) -> Result<Self> {
        let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        Self::from_directions(size, spacing, unit, origin)
    }

    /// From unit directions: `directions` has the direction of columns, rows and slices in LPS as its *columns*, as in
    /// ITK's direction matrix.
    ///
    /// # Errors
    /// As [`Geometry::new`], and [`Error::InvalidSpacing`].
    pub fn from_directions(
        size: [usize; 3],
        spacing: Spacing,
        directions: Matrix3,
        origin: Point3<Lps>,
    ) -> Result<Self> {
        spacing.validate()?;
        let step = spacing.to_array();
        let linear = directions.map(|row| std::array::from_fn(|axis| row[axis] * step[axis]));
        Self::new(size, Affine3::new(linear, origin.coords()))
    }

    /// `[slices, rows, columns]`.
    pub const fn size(&self) -> [usize; 3] {
        self.size
    }

    /// How many voxels.
    pub const fn voxels(&self) -> usize {
        self.size[0] * self.size[1] * self.size[2]
    }

    /// Voxel centres to LPS in mm.
    pub const fn voxel_to_lps(&self) -> &Affine3<Voxel, Lps> {
        &self.voxel_to_lps
    }

    /// LPS in mm to continuous voxel coordinates.
    pub const fn lps_to_voxel(&self) -> &Affine3<Lps, Voxel> {
        &self.lps_to_voxel
    }

    /// Voxel centres to RAS in mm: the affine that nibabel shows.
    pub fn voxel_to_ras(&self) -> Affine3<Voxel, Ras> {
        self.voxel_to_lps.to_ras()
    }

    /// Where the centre of voxel `[slice, row, column]` is. The index may lie outside of the volume.
    pub fn position(&self, [slice, row, column]: [usize; 3]) -> Point3<Lps> {
        self.voxel_to_lps.apply(Point3::new(column as f64, row as f64, slice as f64))
    }

    /// The continuous voxel coordinates of a position.
    pub fn voxel(&self, position: Point3<Lps>) -> Point3<Voxel> {
        self.lps_to_voxel.apply(position)
    }

    /// The index `[slice, row, column]` of the voxel that contains a position, if one does.
    pub fn index(&self, position: Point3<Lps>) -> Option<[usize; 3]> {
        let v = self.voxel(position).coords();
        let mut index = [0; 3];
        for axis in 0..3 {
            let nearest = (v[2 - axis] + 0.5).floor();
            if !(nearest >= 0.0 && nearest < self.size[axis] as f64) {
                return None;
            }
            index[axis] = nearest as usize;
        }
        Some(index)
    }

    /// The centre of the first voxel.
    pub fn origin(&self) -> Point3<Lps> {
        Point3::from_coords(self.voxel_to_lps.offset())
    }

    /// The centre of the field of view.
    pub fn center(&self) -> Point3<Lps> {
        let [k, j, i] = self.size.map(|n| (n as f64 - 1.0) / 2.0);
        self.voxel_to_lps.apply(Point3::new(i, j, k))
    }

    /// Distances between neighbouring voxel centres in mm.
    pub fn spacing(&self) -> Spacing {
        let [column, row, slice] = std::array::from_fn(|axis| self.voxel_to_lps.column(axis).length());
        Spacing { column, row, slice }
    }

    /// Unit directions of columns, rows and slices in LPS, as the *columns* of the matrix.
    pub fn directions(&self) -> Matrix3 {
        let step = self.spacing().to_array();
        self.voxel_to_lps.linear().map(|row| std::array::from_fn(|axis| row[axis] / step[axis]))
    }

    /// The unit normal of the slices: columns x rows. With gantry tilt it differs from the direction of slices.
    pub fn slice_normal(&self) -> Vector3<Lps> {
        let n = self.voxel_to_lps.column(0).cross(self.voxel_to_lps.column(1));
        n.scale(1.0 / n.length())
    }

    /// The orientation code closest to the axes.
    pub fn orientation(&self) -> Orientation {
        Orientation::closest(&self.voxel_to_lps.linear())
    }

    /// Whether the axes are at right angles, to within `tolerance` (a cosine; 1e-4 is a usual choice).
    pub fn is_orthogonal(&self, tolerance: f64) -> bool {
        let d = self.directions();
        let cos = |a, b| matrix::dot(matrix::column(&d, a), matrix::column(&d, b)).abs();
        cos(0, 1) <= tolerance && cos(0, 2) <= tolerance && cos(1, 2) <= tolerance
    }

    /// Angle in degrees between the step from slice to slice and the slice normal: 0 without gantry tilt.
    pub fn tilt_degrees(&self) -> f64 {
        let step = self.voxel_to_lps.column(2);
        let cos = step.dot(self.slice_normal()).abs() / step.length();
        cos.min(1.0).acos().to_degrees()
    }

    /// The smallest box in LPS that holds every voxel, to the outer faces.
    pub fn bounds(&self) -> Box3<Lps> {
        let [k, j, i] = self.size.map(|n| n as f64 - 0.5);
        Box3::spanning(Point3::<Voxel>::new(-0.5, -0.5, -0.5), Point3::new(i, j, k))
            .map_affine(&self.voxel_to_lps)
    }

    /// Whether two geometries have the same size and place every voxel within `tolerance_mm` of one another.
    pub fn is_close(&self, other: &Self, tolerance_mm: f64) -> bool {
        // An affine difference is largest at a corner.
        self.size == other.size
            && (0..8).all(|corner| {
                let index =
                    std::array::from_fn(|axis| if corner >> axis & 1 == 0 { 0 } else { self.size[axis] - 1 });
                self.position(index).distance(other.position(index)) <= tolerance_mm
            })
    }

    /// The geometry of the same grid seen through new voxel coordinates: `new_to_old` says which old voxel coordinates
    /// each new one has. World positions stay what they are.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub fn with_voxel_map(&self, size: [usize; 3], new_to_old: &Affine3<Voxel, Voxel>) -> Result<Self> {
        Self::new(size, new_to_old.then(&self.voxel_to_lps))
    }
}

/// Checks that a size has voxels and can be addressed.
pub(crate) fn check_size(size: &[usize]) -> Result<()> {
    let invalid = |reason| Error::InvalidSize { found: size.to_vec(), reason };
    if size.contains(&0) {
        return Err(invalid("every extent must be at least 1"));
    }
    size.iter()
        .try_fold(1usize, |n, &extent| n.checked_mul(extent))
        .filter(|&n| n <= isize::MAX as usize / 16)
        .map(|_| ())
        .ok_or_else(|| invalid("more voxels than memory can address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tilted() -> Geometry {
        let affine = Affine3::new([[0.7, 0.0, 0.1], [0.0, -0.8, 0.9], [0.0, 0.2, 2.4]], [1.0, -2.0, 3.0]);
        Geometry::new([5, 7, 9], affine).unwrap()
    }

    #[test]
    fn position_and_voxel_are_inverse() {
        let g = tilted();
        let v = g.voxel(g.position([4, 3, 2]));
        for (found, expected) in v.coords().into_iter().zip([2.0, 3.0, 4.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert_eq!(g.index(g.position([4, 3, 2])), Some([4, 3, 2]));
        assert_eq!(g.index(g.position([5, 3, 2])), None);
    }

    #[test]
    fn bounds_reach_the_outer_faces() {
        let g = Geometry::axial([2, 3, 4], Spacing::new(1.0, 2.0, 3.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        assert_eq!(g.bounds().min().coords(), [-0.5, -1.0, -1.5]);
        assert_eq!(g.bounds().max().coords(), [3.5, 5.0, 4.5]);
    }

    #[test]
    fn tilt_is_the_angle_between_step_and_normal() {
        let (s, c) = 20f64.to_radians().sin_cos();
        let affine = Affine3::new([[1.0, 0.0, 0.0], [0.0, 1.0, 3.0 * s], [0.0, 0.0, 3.0 * c]], [0.0; 3]);
        let g = Geometry::new([4, 4, 4], affine).unwrap();
        assert!((g.tilt_degrees() - 20.0).abs() < 1e-9);
        assert!(!g.is_orthogonal(1e-4));
        assert!((g.spacing().slice - 3.0).abs() < 1e-12);
    }

    #[test]
    fn unusable_input_is_refused() {
        let flat = Affine3::new([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [0.0; 3]);
        assert!(matches!(Geometry::new([1, 2, 3], flat), Err(Error::SingularAffine { .. })));
        let nan = Affine3::new([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, f64::NAN]], [0.0; 3]);
        assert!(matches!(Geometry::new([1, 2, 3], nan), Err(Error::NotFinite { .. })));
        let origin = Point3::new(0.0, 0.0, 0.0);
        for size in [[0, 1, 1], [usize::MAX, 2, 2], [1 << 40, 1 << 20, 1]] {
            let found = Geometry::axial(size, Spacing::isotropic(1.0), origin);
            assert!(matches!(found, Err(Error::InvalidSize { .. })), "{size:?}");
        }
        let found = Geometry::axial([1, 1, 1], Spacing::new(1.0, -1.0, 1.0), origin);
        assert!(matches!(found, Err(Error::InvalidSpacing { .. })));
    }

    #[test]
    fn the_ras_affine_flips_x_and_y() {
        let rows = tilted().voxel_to_ras().to_rows();
        assert_eq!(rows[0], [-0.7, -0.0, -0.1, -1.0]);
        assert_eq!(rows[2], [0.0, 0.2, 2.4, 3.0]);
    }
}
