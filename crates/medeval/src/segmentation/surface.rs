//! The surface voxels of a mask.

use std::ops::Range;

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView3, Axis, s};

use super::nearest_point::Position;

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

/// Where the voxels of a mask are that share a face (an edge in two dimensions) with a voxel outside it, in row-major order.
///
/// What lies outside the array counts as outside the mask. `steps` are the distances in mm along slices, rows and columns.
pub(crate) fn surface(mask: ArrayView3<'_, bool>, steps: [f64; 3], has_slices: bool) -> Vec<Position> {
    let mask = mask.as_standard_layout();
    let (slices, rows, columns) = mask.dim();
    let Some(voxels) = mask.as_slice() else { return Vec::new() };
    let (nothing, everything) = (vec![false; columns], vec![true; columns]);
    let line = |inside: bool, slice: usize, row: usize| {
        if inside { &voxels[(slice * rows + row) * columns..][..columns] } else { &nothing[..] }
    };
    let of_slice = |slice: usize| {
        let mut found = Vec::new();
        let mut within = vec![false; columns];
        for row in 0..rows {
            let own = line(true, slice, row);
            let above = line(row > 0, slice, row.wrapping_sub(1));
            let below = line(row + 1 < rows, slice, row + 1);
            let (before, after) = if has_slices {
                (line(slice > 0, slice.wrapping_sub(1), row), line(slice + 1 < slices, slice + 1, row))
            } else {
                (&everything[..], &everything[..])
            };
            inner(own, [above, below, before, after], &mut within);
            let edges = own.iter().zip(&within).enumerate().filter(|(_, (own, within))| **own & !**within);
            let place =
                |column: usize| [slice as f64 * steps[0], row as f64 * steps[1], column as f64 * steps[2]];
            found.extend(edges.map(|(column, _)| place(column)));
        }
        found
    };
    let found: Vec<Vec<Position>> = (0..slices).into_par_iter().map(of_slice).collect();
    found.concat()
}

/// Marks the voxels of a line whose neighbours are all in the mask.
fn inner(own: &[bool], lines: [&[bool]; 4], within: &mut [bool]) {
    let [above, below, before, after] = lines.map(|line| &line[..own.len()]);
    let within = &mut within[..own.len()];
    for column in 0..own.len() {
        within[column] = above[column] & below[column] & before[column] & after[column];
    }
    let (first, last) = (0, own.len().saturating_sub(1));
    for (within, neighbours) in within.iter_mut().skip(1).zip(own.windows(3)) {
        *within &= neighbours[0] & neighbours[2];
    }
    // Beyond the ends of the line all is outside.
    for end in [first, last] {
        if let Some(within) = within.get_mut(end) {
            *within = false;
        }
    }
}
