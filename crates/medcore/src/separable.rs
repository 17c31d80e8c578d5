//! Resampling one axis after the other.

use rayon::prelude::*;

use crate::allocate::{filled, zeroed};
use crate::error::Result;
use crate::scalar::Scalar;
use crate::taps::Taps;

/// Rows a thread takes at a time: enough to make handing them out cheap.
const ROWS_PER_TASK: usize = 8;

/// Blends the voxels of a volume along its three axes (array order) and rounds to `U`.
///
/// Two passes, over slices and within slices; the one that leaves fewer voxels for the other goes first. Slice by slice, so that
/// between the two no more is kept in `f32` than the slices that one new slice is made of.
pub(crate) fn blend<T: Scalar, U: Scalar>(source: &[T], taps: &[Taps; 3]) -> Result<Vec<U>> {
    let [slices, rows, columns] = taps;
    let (old, new) = (rows.old() * columns.old(), rows.new_len() * columns.new_len());
    let slice = |index: usize| &source[index * old..][..old];
    let mut result = zeroed(slices.new_len() * new)?;
    let runs = slices.runs().zip(result.chunks_exact_mut(new));
    if slices.is_identity() {
        within_slices(source, rows, columns, &mut result);
    } else if rows.is_identity() && columns.is_identity() {
        for ((start, weights), out) in runs {
            across_slices(|index| slice(start + index), weights, columns.old(), out);
        }
    } else if slices.new_len() <= slices.old() {
        let mut between = zeroed::<f32>(old)?;
        for ((start, weights), out) in runs {
            across_slices(|index| slice(start + index), weights, columns.old(), &mut between);
            within_slices(&between, rows, columns, out);
        }
    } else {
        let mut between =
            Recent::new(slices.runs().map(|(_, weights)| weights.len()).max().unwrap_or(0), new)?;
        for ((start, weights), out) in runs {
            for index in start..start + weights.len() {
                between.keep(index, |plane| within_slices(slice(index), rows, columns, plane));
            }
            across_slices(|index| between.get(start + index), weights, columns.new_len(), out);
        }
    }
    Ok(result)
}

/// The last few slices in a row, one of which is made at a time.
struct Recent {
    /// With their indices; each has its place by that.
    slices: Vec<(Option<usize>, Vec<f32>)>,
}

impl Recent {
    fn new(count: usize, size: usize) -> Result<Self> {
        let slices = (0..count).map(|_| Ok((None, zeroed(size)?))).collect::<Result<_>>()?;
        Ok(Self { slices })
    }

    fn keep(&mut self, index: usize, make: impl FnOnce(&mut [f32])) {
        let place = index % self.slices.len();
        let (kept, plane) = &mut self.slices[place];
        if *kept != Some(index) {
            make(plane);
            *kept = Some(index);
        }
    }

    fn get(&self, index: usize) -> &[f32] {
        &self.slices[index % self.slices.len()].1
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

/// The weighted sum of slices, one for each weight.
fn across_slices<'a, T: Scalar, U: Scalar>(
    slice: impl Fn(usize) -> &'a [T] + Sync,
    weights: &[f32],
    width: usize,
    out: &mut [U],
) {
    let fill = |line: &mut Vec<f32>, (row, out): (usize, &mut [U])| {
        sum_lines(|index| &slice(index)[row * width..][..width], weights, line);
        store(line, out);
    };
    let tasks = out.par_chunks_mut(width).enumerate().with_min_len(ROWS_PER_TASK);
    tasks.for_each_init(|| vec![0.0; width], fill);
}

/// Blends each of one or several slices along its rows and columns.
fn within_slices<T: Scalar, U: Scalar>(source: &[T], rows: &Taps, columns: &Taps, out: &mut [U]) {
    let (width, new_rows, new_width) = (columns.old(), rows.new_len(), columns.new_len());
    let keep_columns = columns.is_identity();
    let fill = |line: &mut Vec<f32>, (index, out): (usize, &mut [U])| {
        let (start, weights) = rows.run(index % new_rows);
        let first = index / new_rows * rows.old() + start;
        sum_lines(|index| &source[(first + index) * width..][..width], weights, line);
        if keep_columns { store(line, out) } else { blend_line(line, columns, out) }
    };
    let tasks = out.par_chunks_mut(new_width).enumerate().with_min_len(ROWS_PER_TASK);
    tasks.for_each_init(|| vec![0.0; width], fill);
}

/// The weighted sum of lines, one for each weight.
fn sum_lines<'a, T: Scalar>(line: impl Fn(usize) -> &'a [T], weights: &[f32], sum: &mut [f32]) {
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
                sum.iter_mut().zip(line(index)).for_each(|(s, x)| *s += weight * x.to_f32());
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
