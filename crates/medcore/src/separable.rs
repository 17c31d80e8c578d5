//! Resampling one axis after the other.

use rayon::prelude::*;

use crate::allocate::filled;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::taps::Taps;

/// Rows a thread takes at a time: enough to make handing them out cheap.
const ROWS_PER_TASK: usize = 8;

/// Blends the voxels of a volume along its three axes (array order) and rounds to `U`.
///
/// Two passes, over slices and within slices; the one that leaves fewer voxels for the other goes first, so that what is
/// kept between the two in `f32` is never larger than the source or than the result.
pub(crate) fn blend<T: Scalar, U: Scalar>(source: &[T], taps: &[Taps; 3]) -> Result<Vec<U>> {
    let [slices, rows, columns] = taps;
    let plane = rows.old() * columns.old();
    if slices.is_identity() {
        return within_slices(source, slices.old(), rows, columns);
    }
    if rows.is_identity() && columns.is_identity() {
        return across_slices(source, slices, plane, columns.old());
    }
    if slices.new_len() <= slices.old() {
        let between: Vec<f32> = across_slices(source, slices, plane, columns.old())?;
        within_slices(&between, slices.new_len(), rows, columns)
    } else {
        let between: Vec<f32> = within_slices(source, slices.old(), rows, columns)?;
        across_slices(&between, slices, rows.new_len() * columns.new_len(), columns.new_len())
    }
}

/// Picks voxels of a volume by their indices along its three axes (array order).
pub(crate) fn select<T: Scalar>(source: &[T], size: [usize; 3], indices: &[Vec<usize>; 3]) -> Result<Vec<T>> {
    let [slices, rows, columns] = indices;
    let mut result = filled(slices.len() * rows.len() * columns.len(), T::default())?;
    let fill = |(index, out): (usize, &mut [T])| {
        let (slice, row) = (slices[index / rows.len()], rows[index % rows.len()]);
        let line = &source[(slice * size[1] + row) * size[2]..][..size[2]];
        for (value, &column) in out.iter_mut().zip(columns) {
            *value = line[column];
        }
    };
    result.par_chunks_mut(columns.len()).enumerate().with_min_len(ROWS_PER_TASK).for_each(fill);
    Ok(result)
}

fn across_slices<T: Scalar, U: Scalar>(
    source: &[T],
    slices: &Taps,
    plane: usize,
    width: usize,
) -> Result<Vec<U>> {
    let rows = plane / width;
    let mut result = filled(slices.new_len() * plane, U::default())?;
    let fill = |line: &mut Vec<f32>, (index, out): (usize, &mut [U])| {
        let (start, weights) = slices.run(index / rows);
        let first = start * plane + index % rows * width;
        sum_lines(&source[first..], plane, weights, line);
        store(line, out);
    };
    let tasks = result.par_chunks_mut(width).enumerate().with_min_len(ROWS_PER_TASK);
    tasks.for_each_init(|| vec![0.0; width], fill);
    Ok(result)
}

fn within_slices<T: Scalar, U: Scalar>(
    source: &[T],
    slices: usize,
    rows: &Taps,
    columns: &Taps,
) -> Result<Vec<U>> {
    let (width, new_rows, new_width) = (columns.old(), rows.new_len(), columns.new_len());
    let keep_columns = columns.is_identity();
    let mut result = filled(slices * new_rows * new_width, U::default())?;
    let fill = |line: &mut Vec<f32>, (index, out): (usize, &mut [U])| {
        let (start, weights) = rows.run(index % new_rows);
        let first = (index / new_rows * rows.old() + start) * width;
        sum_lines(&source[first..], width, weights, line);
        if keep_columns { store(line, out) } else { blend_line(line, columns, out) }
    };
    let tasks = result.par_chunks_mut(new_width).enumerate().with_min_len(ROWS_PER_TASK);
    tasks.for_each_init(|| vec![0.0; width], fill);
    Ok(result)
}

/// The weighted sum of lines that lie `stride` apart.
fn sum_lines<T: Scalar>(source: &[T], stride: usize, weights: &[f32], sum: &mut [f32]) {
    let line = |index: usize| &source[index * stride..][..sum.len()];
    match *weights {
        [a] => {
            let first = line(0);
            sum.iter_mut().zip(first).for_each(|(s, x)| *s = a * x.to_f32());
        }
        [a, b] => {
            let lines = line(0).iter().zip(line(1));
            sum.iter_mut().zip(lines).for_each(|(s, (x, y))| *s = a * x.to_f32() + b * y.to_f32());
        }
        [a, b, c] => {
            let lines = line(0).iter().zip(line(1)).zip(line(2));
            sum.iter_mut()
                .zip(lines)
                .for_each(|(s, ((x, y), z))| *s = a * x.to_f32() + b * y.to_f32() + c * z.to_f32());
        }
        _ => {
            sum.fill(0.0);
            for (index, &weight) in weights.iter().enumerate() {
                let line = &source[index * stride..][..sum.len()];
                sum.iter_mut().zip(line).for_each(|(s, x)| *s += weight * x.to_f32());
            }
        }
    }
}

/// Blends along a line.
fn blend_line<U: Scalar>(line: &[f32], columns: &Taps, out: &mut [U]) {
    for (value, (start, weights)) in out.iter_mut().zip(columns.runs()) {
        let voxels = &line[start..][..weights.len()];
        *value = U::from_f32(weights.iter().zip(voxels).map(|(w, x)| w * x).sum());
    }
}

fn store<U: Scalar>(line: &[f32], out: &mut [U]) {
    out.iter_mut().zip(line).for_each(|(value, x)| *value = U::from_f32(*x));
}
