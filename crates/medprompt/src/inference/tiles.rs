//! Sliding windows.

use ndarray::{Array2, Array3, ArrayView3, Axis, CowArray, Ix3, s};

/// Where the windows of one axis begin: as few as cover `length` with at least `overlap` of a window in common, evenly spread.
///
/// A window longer than the axis begins at 0.
fn starts(length: usize, window: usize, overlap: f64) -> Vec<usize> {
    if length <= window {
        return vec![0];
    }
    let stride = ((window as f64 * (1.0 - overlap)) as usize).max(1);
    let steps = (length - window).div_ceil(stride);
    (0..=steps).map(|i| i * (length - window) / steps).collect()
}

/// The upper left corners of all windows.
pub(super) fn places(size: [usize; 2], window: [usize; 2], overlap: f64) -> Vec<[usize; 2]> {
    let columns = starts(size[1], window[1], overlap);
    let row = |row| columns.iter().map(move |&column| [row, column]);
    starts(size[0], window[0], overlap).into_iter().flat_map(row).collect()
}

/// A way to turn a window over, which undoes itself.
pub(super) struct Mirror {
    rows: bool,
    columns: bool,
}

/// As it is, left-right, top-bottom, both.
pub(super) const MIRRORS: &[Mirror] = &[
    Mirror { rows: false, columns: false },
    Mirror { rows: false, columns: true },
    Mirror { rows: true, columns: false },
    Mirror { rows: true, columns: true },
];

impl Mirror {
    /// A window `[channel, row, column]` turned over.
    pub(super) fn of<'a>(&self, mut window: ArrayView3<'a, f32>) -> ArrayView3<'a, f32> {
        for (turned, axis) in [(self.rows, Axis(1)), (self.columns, Axis(2))] {
            if turned {
                window.invert_axis(axis);
            }
        }
        window
    }
}

/// Weights of a window that fall from its centre to its sides along half a cosine, never to 0.
pub(super) fn weights([rows, columns]: [usize; 2]) -> Array2<f32> {
    let along = |length: usize| -> Vec<f32> {
        (0..length)
            .map(|i| {
                let phase = std::f64::consts::PI * (i as f64 + 0.5) / length as f64;
                (phase.sin().max(1e-3)) as f32
            })
            .collect()
    };
    let (rows, columns) = (along(rows), along(columns));
    Array2::from_shape_fn((rows.len(), columns.len()), |(r, c)| rows[r] * columns[c])
}

/// An image `[channel, row, column]` with its last rows and columns repeated as mirror images up to a size; itself when it is no
/// smaller.
pub(super) fn mirror_pad<'a>(
    image: ArrayView3<'a, f32>,
    [rows, columns]: [usize; 2],
) -> CowArray<'a, f32, Ix3> {
    let (channels, height, width) = image.dim();
    if height >= rows && width >= columns {
        return image.into();
    }
    let mirror = |i: usize, length: usize| {
        let period = (2 * length).saturating_sub(2).max(1);
        let at = i % period;
        if at < length { at } else { period - at }
    };
    Array3::from_shape_fn([channels, rows.max(height), columns.max(width)], |(k, r, c)| {
        image[[k, mirror(r, height), mirror(c, width)]]
    })
    .into()
}

/// Sums of weighted windows, and of their weights.
pub(super) struct Blend {
    sum: Array3<f32>,
    total: Array2<f32>,
}

impl Blend {
    pub(super) fn new(channels: usize, [rows, columns]: [usize; 2]) -> Self {
        Self { sum: Array3::zeros([channels, rows, columns]), total: Array2::zeros([rows, columns]) }
    }

    /// Adds a window `[channel, row, column]` at a place.
    pub(super) fn add(&mut self, at: [usize; 2], window: ArrayView3<'_, f32>, weights: &Array2<f32>) {
        let (rows, columns) = weights.dim();
        let area = s![at[0]..at[0] + rows, at[1]..at[1] + columns];
        let mut total = self.total.slice_mut(area);
        total += weights;
        for (mut sum, window) in self.sum.outer_iter_mut().zip(window.outer_iter()) {
            let mut sum = sum.slice_mut(area);
            ndarray::Zip::from(&mut sum).and(&window).and(weights).for_each(|s, v, w| *s += v * w);
        }
    }

    /// The weighted mean, of the first rows and columns.
    pub(super) fn finish(self, [rows, columns]: [usize; 2]) -> Array3<f32> {
        let mean = self.sum / &self.total;
        mean.slice(s![.., ..rows, ..columns]).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_everything_with_the_overlap() {
        for (length, window, overlap) in
            [(10, 4, 0.5), (100, 32, 0.25), (33, 32, 0.5), (64, 32, 0.0), (7, 9, 0.5)]
        {
            let found = starts(length, window, overlap);
            assert_eq!(found[0], 0);
            assert!(found.last().unwrap() + window >= length);
            assert!(length <= window || found.last().unwrap() + window == length);
            for pair in found.windows(2) {
                assert!(pair[1] > pair[0]);
                let common = (pair[0] + window) as f64 - pair[1] as f64;
                assert!(common >= overlap * window as f64, "{length} {window} {overlap}: {found:?}");
            }
        }
    }

    #[test]
    fn blending_equal_windows_changes_nothing() {
        let weights = weights([6, 8]);
        assert!(weights.iter().all(|w| *w > 0.0));
        let image = Array3::from_shape_fn((2, 13, 19), |(k, r, c)| (k * 300 + r * 20 + c) as f32);
        let mut blend = Blend::new(2, [13, 19]);
        for r in starts(13, 6, 0.5) {
            for c in starts(19, 8, 0.25) {
                blend.add([r, c], image.slice(s![.., r..r + 6, c..c + 8]), &weights);
            }
        }
        let found = blend.finish([13, 19]);
        assert!(found.iter().zip(&image).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn padding_mirrors() {
        let image = Array3::from_shape_fn((1, 1, 3), |(_, _, c)| c as f32);
        let padded = mirror_pad(image.view(), [2, 8]);
        assert_eq!(padded.slice(s![0, 1, ..]).to_vec(), [0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0]);
    }
}
