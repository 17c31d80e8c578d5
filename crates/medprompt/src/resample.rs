//! Images at other places and sizes.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};

/// The two pixels of an axis that a place lies between, and how far it is towards the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tap {
    low: usize,
    high: usize,
    part: f32,
}

impl Tap {
    /// At a place from 0 to `length - 1`.
    pub(crate) fn at(place: f64, length: usize) -> Self {
        let low = place.floor();
        Self { low: low as usize, high: (low as usize + 1).min(length - 1), part: (place - low) as f32 }
    }

    /// Of `count` pixels that are spread over an axis of `length`.
    fn spread(count: usize, length: usize) -> Vec<Self> {
        let scale = length as f64 / count as f64;
        let place = |i: usize| (scale * (i as f64 + 0.5) - 0.5).clamp(0.0, (length - 1) as f64);
        (0..count).map(|i| Self::at(place(i), length)).collect()
    }
}

/// Values `[channel, row, column]` between pixels.
pub(crate) fn bilinear(image: ArrayView3<'_, f32>, rows: &[Tap], columns: &[Tap]) -> Array3<f32> {
    Array3::from_shape_fn([image.dim().0, rows.len(), columns.len()], |(c, r, q)| {
        let (down, across) = (rows[r], columns[q]);
        let line = |row: usize| {
            let (a, b) = (image[[c, row, across.low]], image[[c, row, across.high]]);
            a + (b - a) * across.part
        };
        let (a, b) = (line(down.low), line(down.high));
        a + (b - a) * down.part
    })
}

/// An image `[channel, row, column]` at another size, bilinear, without smoothing.
pub(crate) fn resize(image: ArrayView3<'_, f32>, [rows, columns]: [usize; 2]) -> Array3<f32> {
    let (_, height, width) = image.dim();
    bilinear(image, &Tap::spread(rows, height), &Tap::spread(columns, width))
}

/// An image `[channel, row, column]` made smaller, in which every pixel counts: the triangle of linear interpolation widens with the
/// step, as in Pillow.
pub(crate) fn shrink(image: ArrayView3<'_, f32>, [rows, columns]: [usize; 2]) -> Array3<f32> {
    let mut smaller = Array3::zeros([image.dim().0, rows, columns]);
    for (from, mut to) in image.outer_iter().zip(smaller.axis_iter_mut(Axis(0))) {
        let narrower = shrink_rows(from.t(), columns);
        to.assign(&shrink_rows(narrower.t(), rows));
    }
    smaller
}

fn shrink_rows(rows: ArrayView2<'_, f32>, count: usize) -> Array2<f32> {
    let mut blended = Array2::zeros([count, rows.ncols()]);
    let step = rows.nrows() as f64 / count as f64;
    let reach = step.max(1.0);
    for (i, mut row) in blended.outer_iter_mut().enumerate() {
        let centre = (i as f64 + 0.5) * step - 0.5;
        let first = (centre - reach).ceil().max(0.0) as usize;
        let last = ((centre + reach).floor().max(0.0) as usize).min(rows.nrows().saturating_sub(1));
        let weight = |pixel: usize| 1.0 - (pixel as f64 - centre).abs() / reach;
        let sum: f64 = (first..=last).map(weight).sum();
        (first..=last).for_each(|pixel| row.scaled_add((weight(pixel) / sum) as f32, &rows.row(pixel)));
    }
    blended
}
