//! The surface voxels of a mask.

use std::ops::Range;

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis, s};

/// First and one past the last index along slices, rows and columns.
pub(crate) type Bounds = [Range<usize>; 3];

/// The smallest block that holds all voxels of a mask; `None` when it is empty.
pub(crate) fn bounds(mask: ArrayView3<'_, bool>) -> Option<Bounds> {
    let of_slice = |(at, slice): (usize, ndarray::ArrayView2<'_, bool>)| {
        let mut found: Option<Bounds> = None;
        for (row, line) in slice.rows().into_iter().enumerate() {
            if let Some(first) = line.iter().position(|v| *v) {
                let last = line.len() - line.iter().rev().position(|v| *v).unwrap_or(0);
                found = hull(found, Some([at..at + 1, row..row + 1, first..last]));
            }
        }
        found
    };
    mask.axis_iter(Axis(0)).into_par_iter().enumerate().map(of_slice).reduce(|| None, hull)
}

/// The smallest block around both.
pub(crate) fn hull(a: Option<Bounds>, b: Option<Bounds>) -> Option<Bounds> {
    let (Some(a), Some(b)) = (a.clone(), b.clone()) else { return a.or(b) };
    let join = |axis: usize| a[axis].start.min(b[axis].start)..a[axis].end.max(b[axis].end);
    Some([join(0), join(1), join(2)])
}

/// The block of a mask.
pub(crate) fn crop<'a>(mask: ArrayView3<'a, bool>, [slices, rows, columns]: &Bounds) -> ArrayView3<'a, bool> {
    mask.slice_move(s![slices.clone(), rows.clone(), columns.clone()])
}

/// The voxels of a mask that share a face (an edge in two dimensions) with a voxel outside it.
///
/// What lies outside the array counts as outside the mask.
pub(crate) fn surface(mask: ArrayView3<'_, bool>, has_slices: bool) -> Array3<bool> {
    let mask = mask.as_standard_layout();
    let (slices, rows, columns) = mask.dim();
    let mut surface = Array3::from_elem(mask.raw_dim(), false);
    let nothing = vec![false; columns];
    let everything = vec![true; columns];
    let line = |slice: usize, row: usize| -> &[bool] {
        let view = mask.slice(s![slice, row, ..]);
        view.to_slice().unwrap_or(&nothing)
    };
    let of_slice = |(slice, mut out): (usize, ndarray::ArrayViewMut2<'_, bool>)| {
        for (row, mut out) in out.rows_mut().into_iter().enumerate() {
            let own = line(slice, row);
            let neighbour = |inside: bool, slice: usize, row: usize| {
                if inside { line(slice, row) } else { &nothing[..] }
            };
            let above = neighbour(row > 0, slice, row.wrapping_sub(1));
            let below = neighbour(row + 1 < rows, slice, row + 1);
            let (before, after) = if has_slices {
                let before = neighbour(slice > 0, slice.wrapping_sub(1), row);
                (before, neighbour(slice + 1 < slices, slice + 1, row))
            } else {
                (&everything[..], &everything[..])
            };
            for (column, out) in out.iter_mut().enumerate() {
                let sides = column > 0 && own[column - 1] && own.get(column + 1).copied().unwrap_or(false);
                let within = sides & above[column] & below[column] & before[column] & after[column];
                *out = own[column] & !within;
            }
        }
    };
    surface.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(of_slice);
    surface
}
