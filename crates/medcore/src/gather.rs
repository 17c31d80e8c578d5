//! Sampling a volume at points that no axis of it runs along.

use rayon::prelude::*;

use crate::allocate::filled;
use crate::error::Result;
use crate::interpolation::Kernel;
use crate::scalar::Scalar;
use crate::space::{Affine3, Point3, Voxel};
use crate::taps::{ON_GRID, nearest};

/// Voxels with their size `[slice, row, column]`.
#[derive(Clone, Copy)]
pub(crate) struct Grid<'a, T> {
    pub(crate) voxels: &'a [T],
    pub(crate) size: [usize; 3],
}

/// The value at each voxel of a new grid of a size, whose voxel coordinates `new_to_old` maps to those of the source;
/// `fill` outside of the source's outer faces. The kernels are as wide as the source's voxels.
///
/// `sample` is given continuous coordinates in array order.
pub(crate) fn gather<U: Scalar>(
    old: [usize; 3],
    new_to_old: &Affine3<Voxel, Voxel>,
    size: [usize; 3],
    fill: U,
    sample: impl Fn([f64; 3]) -> U + Sync,
) -> Result<Vec<U>> {
    let [_, rows, columns] = size;
    let mut result = filled(size.iter().product(), fill)?;
    let step = new_to_old.column(0);
    result.par_chunks_mut(columns).enumerate().for_each(|(index, out)| {
        let start = Point3::new(0.0, (index % rows) as f64, (index / rows) as f64);
        let start = new_to_old.apply(start);
        let [start, step] = [[start.z, start.y, start.x], [step.z, step.y, step.x]];
        let (first, end) = visible(old, start, step, columns);
        for (column, value) in out.iter_mut().enumerate().take(end).skip(first) {
            *value = sample(std::array::from_fn(|axis| start[axis] + step[axis] * column as f64));
        }
    });
    Ok(result)
}

/// The columns, from the first up to the end, at which `start + step * column` lies within the outer faces.
fn visible(size: [usize; 3], start: [f64; 3], step: [f64; 3], columns: usize) -> (usize, usize) {
    let (mut low, mut high) = (0.0, columns as f64 - 1.0);
    for axis in 0..3 {
        let (lower, upper) = (-0.5 - ON_GRID, size[axis] as f64 - 0.5 + ON_GRID);
        if step[axis] == 0.0 {
            if !(lower..=upper).contains(&start[axis]) {
                return (0, 0);
            }
        } else {
            let (a, b) = ((lower - start[axis]) / step[axis], (upper - start[axis]) / step[axis]);
            low = f64::max(low, a.min(b));
            high = f64::min(high, a.max(b));
        }
    }
    // Casts saturate; where nothing is visible the end is not above the first.
    (low.ceil() as usize, (high.floor() + 1.0) as usize)
}

impl<T: Scalar> Grid<'_, T> {
    /// The voxel that contains a point.
    pub(crate) fn nearest(&self, at: [f64; 3]) -> T {
        self.voxels[self.index(self.map_axes(at, nearest))]
    }

    /// Between the two voxels around a point along each axis.
    #[inline]
    pub(crate) fn linear(&self, at: [f64; 3]) -> f32 {
        self.trilinear(self.map_axes(at, Between::new))
    }

    /// Between the four voxels around a point along each axis.
    pub(crate) fn cubic(&self, at: [f64; 3]) -> f32 {
        self.weighted(self.map_axes(at, keys))
    }

    #[inline]
    fn map_axes<R>(&self, at: [f64; 3], f: impl Fn(f64, usize) -> R) -> [R; 3] {
        std::array::from_fn(|axis| f(at[axis], self.size[axis]))
    }

    fn index(&self, [slice, row, column]: [usize; 3]) -> usize {
        (slice * self.size[1] + row) * self.size[2] + column
    }

    #[inline]
    fn trilinear(&self, [slices, rows, columns]: [Between; 3]) -> f32 {
        let line = |slice: usize, row: usize| {
            let voxels = &self.voxels[self.index([slice, row, 0])..][..self.size[2]];
            columns.mix(voxels[columns.low].to_f32(), voxels[columns.high].to_f32())
        };
        let plane = |slice: usize| rows.mix(line(slice, rows.low), line(slice, rows.high));
        slices.mix(plane(slices.low), plane(slices.high))
    }

    fn weighted(&self, axes: [[(usize, f32); 4]; 3]) -> f32 {
        let mut sum = 0.0;
        for (slice, a) in axes[0] {
            let mut plane = 0.0;
            for (row, b) in axes[1] {
                let first = self.index([slice, row, 0]);
                let voxels = &self.voxels[first..first + self.size[2]];
                plane += b * axes[2].iter().map(|&(column, c)| c * voxels[column].to_f32()).sum::<f32>();
            }
            sum += a * plane;
        }
        sum
    }
}

/// The two voxels around a coordinate, and the weight of the higher one.
#[derive(Clone, Copy)]
struct Between {
    low: usize,
    high: usize,
    t: f32,
}

impl Between {
    #[inline]
    fn new(at: f64, size: usize) -> Self {
        let last = (size - 1) as f64;
        let at = at.max(0.0).min(last);
        let low = at as i64 as usize;
        let t = (at - low as i64 as f64) as f32;
        // A voxel without weight is replaced by its neighbour: 0 times NaN is NaN.
        Self { low, high: low + usize::from(t > 0.0), t }
    }

    #[inline]
    fn mix(self, low: f32, high: f32) -> f32 {
        low + self.t * (high - low)
    }
}

/// The four voxels around a coordinate, weights normalised over those that exist.
fn keys(at: f64, size: usize) -> [(usize, f32); 4] {
    let own = nearest(at, size);
    let first = at.floor() - 1.0;
    let taps: [(usize, f64); 4] = std::array::from_fn(|tap| {
        let voxel = first + tap as f64;
        let weight = Kernel::Keys.weight(voxel - at);
        let exists = voxel >= 0.0 && voxel < size as f64;
        if exists && weight != 0.0 { (voxel as usize, weight) } else { (own, 0.0) }
    });
    let total: f64 = taps.iter().map(|tap| tap.1).sum();
    taps.map(|(voxel, weight)| (voxel, (weight / total) as f32))
}
