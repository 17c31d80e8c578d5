//! The nearest pixel of a mask.

use ndarray::{Array2, ArrayView2};

use super::distance_transform::Envelope;

/// Where the nearest pixel of the mask is, and how far in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Nearest {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) distance: f64,
}

/// For each pixel the nearest one of the mask, by distances in pixels; `None` when the mask is empty.
pub(crate) fn feature_transform(mask: ArrayView2<'_, bool>) -> Option<Array2<Nearest>> {
    let (rows, columns) = mask.dim();
    let mut envelope = Envelope::default();
    // Within each column: the row of the nearest pixel of the mask, and its squared distance.
    let mut within = Array2::from_elem((rows, columns), (0usize, f32::INFINITY));
    for (column, line) in mask.columns().into_iter().enumerate() {
        let values = line.iter().map(|&inside| if inside { 0.0 } else { f32::INFINITY });
        envelope.load(values, 1.0);
        envelope.nearest(|row, nearest, squared| {
            within[[row, column]] = (nearest.unwrap_or(0), squared as f32);
        });
    }
    let mut result = Array2::from_elem((rows, columns), Nearest { row: 0, column: 0, distance: 0.0 });
    let mut found = true;
    for (row, line) in within.rows().into_iter().enumerate() {
        envelope.load(line.iter().map(|&(_, squared)| squared), 1.0);
        envelope.nearest(|column, nearest, squared| match nearest {
            Some(at) => {
                result[[row, column]] = Nearest { row: line[at].0, column: at, distance: squared.sqrt() };
            }
            None => found = false,
        });
    }
    found.then_some(result)
}
