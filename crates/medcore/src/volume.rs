//! Three-dimensional images in patient space.

use ndarray::{Array3, ArrayView2, ArrayView3, ArrayViewMut3, Axis, Zip};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::orientation::Orientation;
use crate::scalar::Scalar;
use crate::space::{Lps, Point3};
use crate::spacing::Spacing;

/// Voxels `[slice, row, column]` with their place in the patient.
///
/// The array is always in standard (row-major) layout and has the size of its [`Geometry`]; every operation of this
/// crate keeps the two together. What the numbers mean (HU, SUV, labels) is up to the caller.
///
/// ```
/// use medcore::{Geometry, Point3, Spacing, Volume};
/// use ndarray::Array3;
/// let geometry = Geometry::axial([3, 4, 5], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0))?;
/// let volume = Volume::new(Array3::<i16>::zeros([3, 4, 5]), geometry)?;
/// assert_eq!(volume.size(), [3, 4, 5]);
/// assert_eq!(volume.slice(1).unwrap().dim(), (4, 5));
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Volume<T> {
    voxels: Array3<T>,
    geometry: Geometry,
}

impl<T: Scalar> Volume<T> {
    /// From an array `[slice, row, column]` and its geometry.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when the two differ in size.
    pub fn new(voxels: Array3<T>, geometry: Geometry) -> Result<Self> {
        if voxels.shape() != geometry.size() {
            return Err(Error::ShapeMismatch {
                expected: geometry.size().to_vec(),
                found: voxels.shape().to_vec(),
            });
        }
        let voxels =
            if voxels.is_standard_layout() { voxels } else { voxels.as_standard_layout().into_owned() };
        Ok(Self { voxels, geometry })
    }

    /// From voxels in memory order (columns fastest, then rows, then slices) and their geometry.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when there are more or fewer voxels than the geometry has.
    pub fn from_vec(voxels: Vec<T>, geometry: Geometry) -> Result<Self> {
        let mismatch = Error::ShapeMismatch { expected: vec![geometry.voxels()], found: vec![voxels.len()] };
        let array = Array3::from_shape_vec(geometry.size(), voxels).map_err(|_| mismatch)?;
        Ok(Self { voxels: array, geometry })
    }

    /// All voxels set to one value.
    pub fn filled(value: T, geometry: Geometry) -> Self {
        Self { voxels: Array3::from_elem(geometry.size(), value), geometry }
    }

    /// The voxels `[slice, row, column]`.
    pub fn voxels(&self) -> ArrayView3<'_, T> {
        self.voxels.view()
    }

    /// The voxels `[slice, row, column]`, to be changed.
    pub fn voxels_mut(&mut self) -> ArrayViewMut3<'_, T> {
        self.voxels.view_mut()
    }

    /// The voxels in memory order: columns fastest, then rows, then slices.
    pub fn as_slice(&self) -> &[T] {
        // The constructors see to the standard layout, so this is never the empty default.
        self.voxels.as_slice().unwrap_or_default()
    }

    /// Gives up the geometry.
    pub fn into_voxels(self) -> Array3<T> {
        self.voxels
    }

    /// Where the voxels are.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// `[slices, rows, columns]`.
    pub const fn size(&self) -> [usize; 3] {
        self.geometry.size()
    }

    /// Distances between voxel centres in mm.
    pub fn spacing(&self) -> Spacing {
        self.geometry.spacing()
    }

    /// The orientation code closest to the axes.
    pub fn orientation(&self) -> Orientation {
        self.geometry.orientation()
    }

    /// One slice `[row, column]`, if there is one of this index.
    pub fn slice(&self, index: usize) -> Option<ArrayView2<'_, T>> {
        (index < self.size()[0]).then(|| self.voxels.index_axis(Axis(0), index))
    }

    /// The voxel that contains a position, if the position lies in the volume.
    pub fn at(&self, position: Point3<Lps>) -> Option<T> {
        self.geometry.index(position).map(|index| self.voxels[index])
    }

    /// Each voxel through a function, on all threads.
    pub fn map<U: Scalar>(&self, f: impl Fn(T) -> U + Sync + Send) -> Volume<U> {
        let voxels = Zip::from(&self.voxels).par_map_collect(|&v| f(v));
        Volume { voxels, geometry: self.geometry }
    }

    /// Each voxel as another number type: rounded and saturated where it does not fit (see [`Scalar`]).
    pub fn cast<U: Scalar>(&self) -> Volume<U> {
        self.map(|v| U::from_f64(v.to_f64()))
    }

    /// Smallest and largest voxel, NaN passed over; `None` when all are NaN.
    pub fn min_max(&self) -> Option<(T, T)> {
        let join = |a: Option<(T, T)>, b: Option<(T, T)>| match (a, b) {
            (Some((a, b)), Some((c, d))) => Some((if c < a { c } else { a }, if d > b { d } else { b })),
            (a, b) => a.or(b),
        };
        // NaN alone does not compare with itself.
        let one = |v: &T| v.partial_cmp(v).map(|_| (*v, *v));
        self.as_slice().par_iter().map(one).reduce(|| None, join)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(size: [usize; 3]) -> Geometry {
        Geometry::axial(size, Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0)).unwrap()
    }

    #[test]
    fn the_array_must_have_the_size_of_the_geometry() {
        let found = Volume::new(Array3::<f32>::zeros([2, 3, 5]), geometry([2, 3, 4]));
        assert_eq!(
            found.unwrap_err(),
            Error::ShapeMismatch { expected: vec![2, 3, 4], found: vec![2, 3, 5] }
        );
        assert!(Volume::from_vec(vec![0u8; 23], geometry([2, 3, 4])).is_err());
    }

    #[test]
    fn a_transposed_array_is_laid_out_again() {
        let array = Array3::from_shape_fn([4, 3, 2], |(k, j, i)| (k * 100 + j * 10 + i) as i32);
        let volume = Volume::new(array.reversed_axes(), geometry([2, 3, 4])).unwrap();
        assert_eq!(volume.as_slice()[..4], [0, 100, 200, 300]);
    }

    #[test]
    fn min_max_skips_nan() {
        let v = Volume::from_vec(vec![f32::NAN, 2.0, -1.0, 5.0], geometry([1, 2, 2])).unwrap();
        assert_eq!(v.min_max(), Some((-1.0, 5.0)));
        assert_eq!(v.at(Point3::new(2.2, 0.4, 0.0)), Some(2.0));
        let v = Volume::filled(f32::NAN, geometry([1, 2, 2]));
        assert_eq!(v.min_max(), None);
    }

    #[test]
    fn casts_saturate() {
        let v = Volume::from_vec(vec![-5.0f32, 300.0], geometry([1, 1, 2])).unwrap();
        assert_eq!(v.cast::<u8>().as_slice(), [0, 255]);
    }
}
