//! Exact Euclidean distance to a mask.

use ndarray::parallel::prelude::*;
use ndarray::{Array, Array3, ArrayView, ArrayView3, ArrayViewMut2, Axis};

use super::dimension::{MaskDimension, checked_steps};
use crate::error::{Error, Result};

/// Columns that are worked on together, so that each cache line is fetched once.
const COLUMNS_PER_BLOCK: usize = 16;

/// Distance in mm from the centre of each voxel to the centre of the nearest voxel of the mask.
///
/// 0 inside the mask, infinite everywhere when the mask is empty. Exact, one axis after the other by lower envelopes of
/// parabolas (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 2012), so the time
/// grows with the number of voxels alone. It is scipy's `distance_transform_edt` of the inverted mask.
///
/// ```
/// use medcore::PixelSpacing;
/// use ndarray::array;
/// let mask = array![[true, false, false], [false, false, false]];
/// let spacing = PixelSpacing { row: 4.0, column: 1.5 };
/// let distance = medeval::segmentation::distance_transform(mask.view(), spacing)?;
/// assert_eq!(distance, array![[0.0, 1.5, 3.0], [4.0, 18.25f32.sqrt(), 5.0]]);
/// # Ok::<(), medeval::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSpacing`], [`Error::OutOfMemory`].
pub fn distance_transform<D: MaskDimension>(
    mask: ArrayView<'_, bool, D>,
    spacing: D::Spacing,
) -> Result<Array<f32, D>> {
    let steps = checked_steps::<D>(spacing)?;
    let mut distances = squared_along_slices(D::as_slices(mask), steps[0])?;
    distances.axis_iter_mut(Axis(0)).into_par_iter().for_each_init(
        || (Envelope::default(), Envelope::default()),
        |(along_rows, along_columns), mut slice| {
            add_rows(slice.view_mut(), steps[1], along_rows);
            for mut row in slice.rows_mut() {
                along_columns.load(row.iter().copied(), steps[2]);
                along_columns.sample(|column, squared| row[column] = squared.sqrt() as f32);
            }
        },
    );
    Ok(D::from_slices(distances))
}

/// Squared distance to the nearest voxel of the mask in the same row and column of any slice.
fn squared_along_slices(mask: ArrayView3<'_, bool>, step: f64) -> Result<Array3<f32>> {
    let bytes = mask.len().saturating_mul(size_of::<f32>());
    let mut voxels = Vec::new();
    voxels.try_reserve_exact(mask.len()).map_err(|_| Error::OutOfMemory { bytes })?;
    voxels.resize(mask.len(), 0.0f32);
    let mut distances =
        Array3::from_shape_vec(mask.raw_dim(), voxels).map_err(|_| Error::OutOfMemory { bytes })?;
    let planes =
        distances.axis_iter_mut(Axis(1)).into_par_iter().zip(mask.axis_iter(Axis(1)).into_par_iter());
    planes.for_each(|(mut distances, mask)| {
        let mut steps_away = vec![f32::INFINITY; mask.ncols()];
        for (mut row, mask) in distances.rows_mut().into_iter().zip(mask.rows()) {
            for ((out, away), &inside) in row.iter_mut().zip(&mut steps_away).zip(mask) {
                *away = if inside { 0.0 } else { *away + 1.0 };
                *out = *away;
            }
        }
        steps_away.fill(f32::INFINITY);
        for mut row in distances.rows_mut().into_iter().rev() {
            for (out, away) in row.iter_mut().zip(&mut steps_away) {
                *away = out.min(*away + 1.0);
                let distance = f64::from(*away) * step;
                *out = (distance * distance) as f32;
            }
        }
    });
    Ok(distances)
}

/// Squared distances within columns, from those within voxels, of one slice.
fn add_rows(mut slice: ArrayViewMut2<'_, f32>, step: f64, envelope: &mut Envelope) {
    let rows = slice.nrows();
    if rows == 0 {
        return;
    }
    let mut block = vec![0.0f32; rows * COLUMNS_PER_BLOCK];
    for mut columns in slice.axis_chunks_iter_mut(Axis(1), COLUMNS_PER_BLOCK) {
        for (at, row) in columns.rows().into_iter().enumerate() {
            for (column, &value) in row.iter().enumerate() {
                block[column * rows + at] = value;
            }
        }
        for line in block.chunks_exact_mut(rows).take(columns.ncols()) {
            envelope.load(line.iter().copied(), step);
            envelope.sample(|at, squared| line[at] = squared as f32);
        }
        for (at, mut row) in columns.rows_mut().into_iter().enumerate() {
            for (column, value) in row.iter_mut().enumerate() {
                *value = block[column * rows + at];
            }
        }
    }
}

/// The lower envelope of the parabolas `value[i] + (step (x - i))^2` of a line.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    /// Those that are lowest somewhere: vertex, value, and where it begins to be lowest.
    parabolas: Vec<Parabola>,
    length: usize,
    step_squared: f64,
}

#[derive(Debug, Clone, Copy)]
struct Parabola {
    vertex: f64,
    value: f64,
    from: f64,
}

impl Envelope {
    /// Takes the values of a line whose points are `step` apart.
    pub(crate) fn load(&mut self, values: impl ExactSizeIterator<Item = f32>, step: f64) {
        self.parabolas.clear();
        self.length = values.len();
        self.step_squared = step * step;
        for (at, value) in values.enumerate() {
            if value < f32::INFINITY {
                self.push(at as f64, f64::from(value));
            }
        }
    }

    fn push(&mut self, vertex: f64, value: f64) {
        let height = value + self.step_squared * vertex * vertex;
        while let Some(last) = self.parabolas.last() {
            let last_height = last.value + self.step_squared * last.vertex * last.vertex;
            let from = (height - last_height) / (2.0 * self.step_squared * (vertex - last.vertex));
            if from > last.from {
                self.parabolas.push(Parabola { vertex, value, from });
                return;
            }
            self.parabolas.pop();
        }
        self.parabolas.push(Parabola { vertex, value, from: f64::NEG_INFINITY });
    }

    /// Gives the height of the envelope at each point of the line.
    pub(crate) fn sample(&self, mut store: impl FnMut(usize, f64)) {
        self.nearest(|at, _, squared| store(at, squared));
    }

    /// Gives for each point the vertex that is nearest there, `None` when there is none, and the height.
    pub(crate) fn nearest(&self, mut store: impl FnMut(usize, Option<usize>, f64)) {
        let Some(mut current) = self.parabolas.first() else {
            (0..self.length).for_each(|at| store(at, None, f64::INFINITY));
            return;
        };
        let mut following = self.parabolas[1..].iter();
        let mut next = following.next();
        for at in 0..self.length {
            let x = at as f64;
            while let Some(parabola) = next.filter(|p| p.from < x) {
                current = parabola;
                next = following.next();
            }
            let away = x - current.vertex;
            store(at, Some(current.vertex as usize), current.value + self.step_squared * away * away);
        }
    }
}

#[cfg(test)]
mod tests {
    use medcore::Spacing;
    use ndarray::Array3;

    use super::*;

    #[test]
    fn an_empty_mask_is_infinitely_far() {
        let mask = Array3::from_elem([2, 3, 4], false);
        let found = distance_transform(mask.view(), Spacing::isotropic(1.0)).unwrap();
        assert!(found.iter().all(|d| *d == f32::INFINITY));
        let none = Array3::from_elem([2, 0, 4], false);
        assert_eq!(distance_transform(none.view(), Spacing::isotropic(1.0)).unwrap().dim(), (2, 0, 4));
    }

    #[test]
    fn spacing_must_be_positive() {
        let mask = Array3::from_elem([1, 1, 1], true);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let found = distance_transform(mask.view(), Spacing::new(1.0, bad, 1.0));
            assert!(matches!(found, Err(Error::InvalidSpacing { .. })), "{bad}");
        }
    }
}
