//! Volumes on other grids.

use crate::allocate::filled;
use crate::crop_pad::paste;
use crate::error::Result;
use crate::gather::{Grid, gather};
use crate::geometry::{Geometry, check_size};
use crate::interpolation::{Interpolation, Kernel};
use crate::label_map::LabelMap;
use crate::permute::{AxisFrom, permute};
use crate::resize::resized;
use crate::scalar::Scalar;
use crate::separable::{blend, select};
use crate::space::{Affine3, Voxel};
use crate::spacing::Spacing;
use crate::taps::{AxisMap, ON_GRID, Taps};
use crate::volume::Volume;

impl<T: Scalar> Volume<T> {
    /// With another spacing, along the same axes.
    ///
    /// The field of view keeps its outer faces at the first voxel of each axis: the centre of the first voxel moves by half
    /// the difference of the spacings along each axis, `(new - old) / 2` mm. Each axis gets
    /// `max(1, round(extent * old / new))` voxels, so that its other outer face moves by no more than half a new voxel (but
    /// where one new voxel is longer than the whole axis). Voxels there take the value of the nearest old ones.
    /// Anti-aliased where an axis shrinks (see [`Interpolation`]).
    ///
    /// ```
    /// use medcore::{Geometry, Interpolation, Point3, Spacing, Volume};
    /// let g = Geometry::axial([10, 64, 64], Spacing::new(0.75, 0.75, 3.0), Point3::new(0.0, 0.0, 0.0))?;
    /// let ct = Volume::filled(-1000i16, g).resample(Spacing::isotropic(1.5), Interpolation::Linear)?;
    /// assert_eq!(ct.size(), [20, 32, 32]);
    /// assert_eq!(ct.geometry().origin().coords(), [0.375, 0.375, -0.75]);
    /// assert_eq!(ct.geometry().bounds(), g.bounds());
    /// # Ok::<(), medcore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidSpacing`](crate::Error::InvalidSpacing) unless all three distances are positive and finite;
    /// [`Error::InvalidSize`](crate::Error::InvalidSize) when the result would have more voxels than can be addressed;
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn resample(&self, spacing: Spacing, interpolation: Interpolation) -> Result<Self> {
        spacing.validate()?;
        let (old, new) = (self.spacing().to_array(), spacing.to_array());
        let maps = std::array::from_fn(|axis| {
            let extent = self.size()[axis];
            let step = new[2 - axis] / old[2 - axis];
            // Saturates: a size that cannot be is refused below.
            let size = ((extent as f64 / step).round() as usize).max(1);
            AxisMap::from_lower_face(extent, size, step)
        });
        check_size(&maps.map(|map| map.new))?;
        let voxels = along_axes(self.as_slice(), self.size(), &maps, interpolation)?;
        Self::from_vec(voxels, resized(self.geometry(), &maps)?)
    }

    /// On any other grid: another orientation, oblique, sheared, of another size and spacing.
    ///
    /// Voxels whose centre lies in the field of view of this volume, up to its outer faces, are interpolated (beyond the
    /// outermost voxel centres the value is that of the nearest voxels); all others are set to `fill`.
    ///
    /// Where the target is coarser, values are anti-aliased. If its axes run along those of this volume that is the method of
    /// [`Interpolation`]; else this volume is smoothed along its own axes first, with the kernel stretched by how many of its
    /// voxels one target voxel spans along each, and then interpolated.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn resample_to(&self, target: &Geometry, interpolation: Interpolation, fill: T) -> Result<Self> {
        let new_to_old = target.voxel_to_lps().then(self.geometry().lps_to_voxel());
        let voxels = match Aligned::new(&new_to_old, self.size(), target.size()) {
            Some(aligned) => {
                aligned.resample(self.as_slice(), self.size(), target.size(), interpolation, fill)
            }
            None => self.resample_oblique(&new_to_old, target.size(), interpolation, fill),
        };
        Self::from_vec(voxels?, *target)
    }

    fn resample_oblique(
        &self,
        new_to_old: &Affine3<Voxel, Voxel>,
        size: [usize; 3],
        interpolation: Interpolation,
        fill: T,
    ) -> Result<Vec<T>> {
        let old = self.size();
        let grid = Grid { voxels: self.as_slice(), size: old };
        let Some(kernel) = interpolation.kernel() else {
            return gather(old, new_to_old, size, fill, |at| grid.nearest(at));
        };
        let linear = new_to_old.linear();
        // How many old voxels one new voxel spans along each old axis.
        let span: [f64; 3] = std::array::from_fn(|axis| crate::matrix::norm(linear[2 - axis]));
        if span.iter().all(|&s| s < 1.0 + ON_GRID) {
            return interpolate(grid, new_to_old, size, kernel, fill);
        }
        let smooth = smoothed(grid, span, kernel)?;
        interpolate(Grid { voxels: &smooth, size: old }, new_to_old, size, kernel, fill)
    }
}

impl LabelMap {
    /// As [`Volume::resample`] with [`Interpolation::Nearest`]; names are kept.
    ///
    /// # Errors
    /// As [`Volume::resample`].
    pub fn resample(&self, spacing: Spacing) -> Result<Self> {
        Ok(self.with_volume(self.volume().resample(spacing, Interpolation::Nearest)?))
    }

    /// As [`Volume::resample_to`] with [`Interpolation::Nearest`], background outside; names are kept.
    ///
    /// # Errors
    /// As [`Volume::resample_to`].
    pub fn resample_to(&self, target: &Geometry) -> Result<Self> {
        Ok(self.with_volume(self.volume().resample_to(target, Interpolation::Nearest, 0)?))
    }
}

/// Resamples each axis by its map (array order). Where no axis needs blending voxels are copied as they are.
pub(crate) fn along_axes<T: Scalar>(
    voxels: &[T],
    size: [usize; 3],
    maps: &[AxisMap; 3],
    interpolation: Interpolation,
) -> Result<Vec<T>> {
    if let Some(kernel) = interpolation.kernel() {
        let [slices, rows, columns] = maps;
        let taps = [Taps::new(slices, kernel)?, Taps::new(rows, kernel)?, Taps::new(columns, kernel)?];
        if !taps.iter().all(Taps::is_selection) {
            return blend(voxels, &taps);
        }
    }
    let [slices, rows, columns] = maps;
    select(voxels, size, &[slices.nearest()?, rows.nearest()?, columns.nearest()?])
}

/// Values between the voxels of a grid, with kernels of their width.
fn interpolate<T: Scalar, U: Scalar>(
    grid: Grid<'_, T>,
    new_to_old: &Affine3<Voxel, Voxel>,
    size: [usize; 3],
    kernel: Kernel,
    fill: U,
) -> Result<Vec<U>> {
    match kernel {
        Kernel::Triangle => gather(grid.size, new_to_old, size, fill, |at| U::from_f32(grid.linear(at))),
        Kernel::Keys => gather(grid.size, new_to_old, size, fill, |at| U::from_f32(grid.cubic(at))),
    }
}

/// A grid blurred along its axes, as far as voxels that span so many of its own need.
fn smoothed<T: Scalar>(grid: Grid<'_, T>, span: [f64; 3], kernel: Kernel) -> Result<Vec<f32>> {
    let taps = |axis: usize| Taps::stretched(&AxisMap::identity(grid.size[axis]), kernel, span[axis]);
    blend(grid.voxels, &[taps(0)?, taps(1)?, taps(2)?])
}

/// A target grid whose axes run along those of the source.
#[derive(Debug, Clone, Copy)]
struct Aligned {
    /// For each axis of the target the axis of the source it runs along. Direction is left to `maps`.
    from: [AxisFrom; 3],
    /// First target voxel (per target axis) in the field of view of the source.
    start: [usize; 3],
    /// For each axis of the source, where the target voxels in its field of view lie on it.
    maps: [AxisMap; 3],
}

impl Aligned {
    /// How far, in source voxels over the whole target, axes may drift apart and still count as aligned: enough for affines
    /// that were stored as `f32`.
    const DRIFT: f64 = 1e-3;

    fn new(new_to_old: &Affine3<Voxel, Voxel>, old: [usize; 3], new: [usize; 3]) -> Option<Self> {
        let (linear, offset) = (new_to_old.linear(), new_to_old.offset());
        let mut aligned = Self {
            from: [AxisFrom { axis: 0, reversed: false }; 3],
            start: [0; 3],
            maps: old.map(AxisMap::identity),
        };
        for axis in 0..3 {
            let row = linear[2 - axis];
            let moves = |target: usize| row[2 - target].abs() * new[target] as f64 > Self::DRIFT;
            let mut along = (0..3).filter(|&target| moves(target));
            // None where the target is too small to tell a direction, several where it is oblique.
            let (target, None) = (along.next()?, along.next()) else { return None };
            aligned.from[target].axis = axis;
            let (start, map) = visible(row[2 - target], offset[2 - axis], old[axis], new[target]);
            aligned.start[target] = start;
            aligned.maps[axis] = map;
        }
        let mut axes = aligned.from.map(|f| f.axis);
        axes.sort_unstable();
        (axes == [0, 1, 2]).then_some(aligned)
    }

    fn resample<T: Scalar>(
        &self,
        voxels: &[T],
        old: [usize; 3],
        new: [usize; 3],
        interpolation: Interpolation,
        fill: T,
    ) -> Result<Vec<T>> {
        let seen = self.maps.map(|map| map.new);
        if seen.contains(&0) {
            return filled(new.iter().product(), fill);
        }
        let mut result = along_axes(voxels, old, &self.maps, interpolation)?;
        if self.from.map(|f| f.axis) != [0, 1, 2] {
            result = permute(&result, seen, self.from)?;
        }
        let block = self.from.map(|f| seen[f.axis]);
        if block == new {
            return Ok(result);
        }
        let mut framed = filled(new.iter().product(), fill)?;
        paste(&result, block, [0; 3], &mut framed, new, self.start, block);
        Ok(framed)
    }
}

/// The new voxels at `offset + step * index` that lie within the outer faces of an old axis: the first, and where they lie.
fn visible(step: f64, offset: f64, old: usize, new: usize) -> (usize, AxisMap) {
    let face = 0.5 + ON_GRID;
    let (a, b) = ((-face - offset) / step, (old as f64 - 1.0 + face - offset) / step);
    // Casts saturate, so that what lies below 0 becomes 0.
    let start = (a.min(b).ceil() as usize).min(new);
    let end = ((a.max(b) + 1.0).floor() as usize).clamp(start, new);
    (start, AxisMap { old, new: end - start, offset: offset + step * start as f64, step })
}
