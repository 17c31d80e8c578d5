//! Rearranging blocks of the factors so that the innermost product reads them in order.
#![allow(unsafe_code)]

use super::kernel_set::KernelSet;
use super::matrix::RawMatrix;
use super::micro::Rows;

/// The most rows of a panel, of any instruction set.
const MOST_ROWS: usize = 16;

/// How [`left`] lays out the rows of a panel of this height and depth.
pub(crate) const fn rows(kernels: &KernelSet, from: &RawMatrix, height: usize, depth: usize) -> Rows {
    if from.column_stride == 1 { kernels.packed_rows(height, depth) } else { Rows::Beside { step: height } }
}

/// Packs `rows x depth` of the left-hand side from `start = (row, k)` into panels as high as a tile, whose rows lie as [`rows`] says. The last
/// panel has what rows are left.
///
/// # Safety
/// The block lies in the matrix, and `to` has room for `rows * depth` values.
pub(crate) unsafe fn left(
    kernels: &KernelSet,
    from: RawMatrix,
    start: (usize, usize),
    [rows, depth]: [usize; 2],
    to: *mut f32,
) {
    let panel = kernels.rows();
    if depth == 0 {
        return;
    }
    for first in (0..rows).step_by(panel) {
        let height = panel.min(rows - first);
        // SAFETY: the panel lies in the block.
        unsafe {
            let to = to.add(first * depth);
            let from_at = from.data.add((start.0 + first) * from.row_stride + start.1 * from.column_stride);
            if from.column_stride == 1 {
                let rows: [_; MOST_ROWS] =
                    std::array::from_fn(|row| from_at.wrapping_add(row * from.row_stride));
                (kernels.gather)(&rows[..height], to, [0, depth], depth);
            } else if from.row_stride == 1 {
                match height {
                    14 => short_rows::<14>(from_at, from.column_stride, depth, to),
                    12 => short_rows::<12>(from_at, from.column_stride, depth, to),
                    6 => short_rows::<6>(from_at, from.column_stride, depth, to),
                    4 => short_rows::<4>(from_at, from.column_stride, depth, to),
                    _ => copy(from_at, [from.column_stride, 1], to, height, [depth, height]),
                }
            } else {
                copy(from_at, [from.column_stride, from.row_stride], to, height, [depth, height]);
            }
        }
    }
}

/// Packs `depth x columns` of the right-hand side from `start = (k, column)` into panels as wide as a tile: element `(k, column)` of a
/// panel is at `k * width + column`. The last panel is padded with zeros.
///
/// # Safety
/// The block lies in the matrix, and `to` has room for `depth` times the columns rounded up to whole panels.
pub(crate) unsafe fn right(
    kernels: &KernelSet,
    from: RawMatrix,
    start: (usize, usize),
    [depth, columns]: [usize; 2],
    to: *mut f32,
) {
    let panel = kernels.columns;
    if depth == 0 {
        return;
    }
    // SAFETY: what is read lies in the block, what is written in the panels.
    unsafe {
        let from_at = from.data.add(start.0 * from.row_stride + start.1 * from.column_stride);
        if from.row_stride == 1 && from.column_stride != 1 {
            for first in (0..columns).step_by(panel) {
                let width = panel.min(columns - first);
                let to = to.add(first * depth);
                if width < panel {
                    std::ptr::write_bytes(to, 0, depth * panel);
                }
                (kernels.transpose)(
                    from_at.add(first * from.column_stride),
                    from.column_stride,
                    to,
                    panel,
                    width,
                    depth,
                );
            }
            return;
        }
        let whole = columns / panel * panel;
        if from.column_stride == 1 {
            match panel {
                32 => whole_panels::<32>(from_at, from.row_stride, [depth, whole], to),
                16 => whole_panels::<16>(from_at, from.row_stride, [depth, whole], to),
                _ => whole_panels::<8>(from_at, from.row_stride, [depth, whole], to),
            }
        }
        // What is left: a panel that is not full, or panels of columns that are apart.
        let first = if from.column_stride == 1 { whole } else { 0 };
        for first in (first..columns).step_by(panel) {
            let width = panel.min(columns - first);
            for k in 0..depth {
                let row = from_at.add(k * from.row_stride + first * from.column_stride);
                let to = to.add(first * depth + k * panel);
                copy(row, [0, from.column_stride], to, panel, [1, width]);
                std::ptr::write_bytes(to.add(width), 0, panel - width);
            }
        }
    }
}

/// Panels of `WIDTH` columns next to each other. Row by row, so that memory is read in order.
unsafe fn whole_panels<const WIDTH: usize>(
    from: *const f32,
    row_stride: usize,
    [depth, columns]: [usize; 2],
    to: *mut f32,
) {
    for k in 0..depth {
        for first in (0..columns).step_by(WIDTH) {
            // SAFETY: the caller vouches for it; arrays of floats are as aligned as floats.
            unsafe {
                let row = from.add(k * row_stride + first).cast::<[f32; WIDTH]>();
                to.add(first * depth + k * WIDTH).cast::<[f32; WIDTH]>().write(row.read());
            }
        }
    }
}

/// `rows` rows of `WIDTH` values, too short for a call to copy each.
unsafe fn short_rows<const WIDTH: usize>(from: *const f32, step: usize, rows: usize, to: *mut f32) {
    for i in 0..rows {
        // SAFETY: the caller vouches for it; arrays of floats are as aligned as floats.
        unsafe {
            to.add(i * WIDTH).cast::<[f32; WIDTH]>().write(from.add(i * step).cast::<[f32; WIDTH]>().read())
        };
    }
}

/// `to[i * to_step + j] = from[i * strides[0] + j * strides[1]]`
#[inline(always)]
unsafe fn copy(
    from: *const f32,
    strides: [usize; 2],
    to: *mut f32,
    to_step: usize,
    [rows, columns]: [usize; 2],
) {
    for i in 0..rows {
        // SAFETY: the caller vouches for it.
        unsafe {
            let (from, to) = (from.add(i * strides[0]), to.add(i * to_step));
            if strides[1] == 1 {
                std::ptr::copy_nonoverlapping(from, to, columns);
            } else {
                for j in 0..columns {
                    *to.add(j) = *from.add(j * strides[1]);
                }
            }
        }
    }
}
