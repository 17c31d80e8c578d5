//! Reordering the axes of an array without trampling the cache.

use rayon::prelude::*;

use crate::allocate::filled;
use crate::error::Result;
use crate::scalar::Scalar;

/// Side of the squares that are transposed at a time: a cache line of 16-bit voxels.
const TILE: usize = 32;

/// Which axis of the source (array order) an axis of the result is, and whether it runs the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AxisFrom {
    pub(crate) axis: usize,
    pub(crate) reversed: bool,
}

/// Copies a row-major array with its axes permuted and reversed. Each axis of the source must be taken once.
pub(crate) fn permute<T: Scalar>(source: &[T], size: [usize; 3], from: [AxisFrom; 3]) -> Result<Vec<T>> {
    let strides = [size[1] * size[2], size[2], 1].map(|stride: usize| stride as isize);
    let [slices, rows, columns] = from.map(|f| size[f.axis]);
    let step = from.map(|f| if f.reversed { -strides[f.axis] } else { strides[f.axis] });
    let first = |f: &AxisFrom| if f.reversed { (size[f.axis] as isize - 1) * strides[f.axis] } else { 0 };
    let origin: isize = from.iter().map(first).sum();
    let mut result = filled(slices * rows * columns, T::default())?;
    let plane = rows * columns;
    // Which axis of the result runs along the memory of the source.
    match from.map(|f| f.axis) {
        [_, _, 2] => result.par_chunks_mut(columns).enumerate().for_each(|(index, out)| {
            let start = origin + (index / rows) as isize * step[0] + (index % rows) as isize * step[1];
            copy_line(line(source, start, step[2], columns), step[2], out);
        }),
        [_, 2, _] => result.par_chunks_mut(plane).enumerate().for_each(|(slice, out)| {
            let lines = Lines { start: origin + slice as isize * step[0], along: step[1], apart: step[2] };
            transpose(source, lines, [rows, columns], out, columns);
        }),
        _ => result.par_chunks_mut(plane * TILE).enumerate().for_each(|(tile, out)| {
            let start = origin + (tile * TILE) as isize * step[0];
            let depth = out.len() / plane;
            for row in 0..rows {
                let lines = Lines { start: start + row as isize * step[1], along: step[0], apart: step[2] };
                transpose(source, lines, [depth, columns], &mut out[row * columns..], plane);
            }
        }),
    }
    Ok(result)
}

/// Lines of the source: where the first voxel of the first one is, the step (1 or -1) along a line and to the next line.
#[derive(Clone, Copy)]
struct Lines {
    start: isize,
    along: isize,
    apart: isize,
}

/// Writes `count[1]` lines of `count[0]` voxels as the columns of an array whose rows lie `stride` apart.
fn transpose<T: Scalar>(source: &[T], lines: Lines, count: [usize; 2], out: &mut [T], stride: usize) {
    let mut tile = [[T::default(); TILE]; TILE];
    for first_row in (0..count[0]).step_by(TILE) {
        let height = TILE.min(count[0] - first_row);
        for first_column in (0..count[1]).step_by(TILE) {
            let width = TILE.min(count[1] - first_column);
            for column in 0..width {
                let start = lines.start
                    + (first_column + column) as isize * lines.apart
                    + first_row as isize * lines.along;
                let voxels = line(source, start, lines.along, height);
                let put = |(row, voxel): (&mut [T; TILE], &T)| row[column] = *voxel;
                if lines.along > 0 {
                    tile.iter_mut().zip(voxels).for_each(put);
                } else {
                    tile.iter_mut().zip(voxels.iter().rev()).for_each(put);
                }
            }
            for (row, voxels) in tile[..height].iter().enumerate() {
                let at = (first_row + row) * stride + first_column;
                out[at..at + width].copy_from_slice(&voxels[..width]);
            }
        }
    }
}

/// The memory of a line that starts at `start` and runs forward or backward, in memory order.
fn line<T>(source: &[T], start: isize, along: isize, len: usize) -> &[T] {
    let low = if along > 0 { start } else { start + 1 - len as isize };
    &source[low as usize..][..len]
}

fn copy_line<T: Scalar>(line: &[T], along: isize, out: &mut [T]) {
    out.copy_from_slice(line);
    if along < 0 {
        out.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, Axis};

    #[test]
    fn all_permutations_and_flips_as_ndarray_does_them() {
        // Larger than a tile along each axis, and not a multiple of it.
        let size = [35, 41, 67];
        let source = Array3::from_shape_fn(size, |(k, j, i)| ((k * 41 + j) * 67 + i) as i32);
        for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for flips in 0..8 {
                let from = std::array::from_fn(|a| AxisFrom { axis: axes[a], reversed: flips >> a & 1 == 1 });
                let found = permute(source.as_slice().unwrap(), size, from).unwrap();
                let mut expected = source.view().permuted_axes(axes);
                (0..3).filter(|a| flips >> a & 1 == 1).for_each(|a| expected.invert_axis(Axis(a)));
                assert!(expected.iter().eq(&found), "{from:?}");
            }
        }
    }
}
