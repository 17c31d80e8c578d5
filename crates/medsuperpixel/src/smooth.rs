//! Gaussian smoothing of rows.

use rayon::prelude::*;

use crate::error::Result;

/// Standard deviations to which the kernel reaches.
const TRUNCATE: f64 = 4.0;

/// Smooths values `[slice, row, ...]` whose rows are `row_len` long and hold lines of `stride`, of which the first
/// `size[2]` are pixels; mirrored at the borders (d c b a | a b c d). `sigma` in pixels: slice, row, column.
pub(crate) fn smooth(
    mut values: Vec<f32>,
    size: [usize; 3],
    row_len: usize,
    stride: usize,
    sigma: [f64; 3],
) -> Result<Vec<f32>> {
    let mut next: Vec<f32> = medcore::zeroed(values.len())?;
    let [slices, rows, columns] = size;
    for (axis, extent, step) in [(0, slices, rows), (1, rows, 1)] {
        if sigma[axis] == 0.0 || extent == 1 {
            continue;
        }
        let kernel = kernel(sigma[axis]);
        next.par_chunks_mut(row_len).enumerate().for_each(|(r, out)| {
            let at = r / step % extent;
            let first = r - at * step;
            out.fill(0.0);
            for (offset, weight) in kernel.iter() {
                let from = first + mirror(at as isize + offset, extent) * step;
                for (o, v) in out.iter_mut().zip(&values[from * row_len..][..row_len]) {
                    *o += weight * v;
                }
            }
        });
        std::mem::swap(&mut values, &mut next);
    }
    if sigma[2] > 0.0 && columns > 1 {
        let kernel = kernel(sigma[2]);
        let radius = (kernel.len() / 2) as isize;
        let places: Vec<usize> =
            (-radius..columns as isize + radius).map(|place| mirror(place, columns)).collect();
        next.par_chunks_mut(stride).zip(values.par_chunks(stride)).for_each(|(out, line)| {
            for (x, o) in out[..columns].iter_mut().enumerate() {
                *o = kernel.iter().zip(&places[x..]).map(|((_, w), place)| w * line[*place]).sum();
            }
        });
        std::mem::swap(&mut values, &mut next);
    }
    Ok(values)
}

/// Offsets and weights, of sum 1.
fn kernel(sigma: f64) -> Vec<(isize, f32)> {
    let radius = (TRUNCATE * sigma + 0.5) as isize;
    let weight = |offset: isize| (-0.5 * (offset as f64 / sigma).powi(2)).exp();
    let sum: f64 = (-radius..=radius).map(weight).sum();
    (-radius..=radius).map(|offset| (offset, (weight(offset) / sum) as f32)).collect()
}

/// An index mirrored into `0..extent`.
fn mirror(index: isize, extent: usize) -> usize {
    let extent = extent as isize;
    let folded = index.rem_euclid(2 * extent);
    (if folded < extent { folded } else { 2 * extent - 1 - folded }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_spreads_as_in_scipy() {
        // scipy.ndimage.gaussian_filter of a point at [1, 0] of 3 x 4, sigma [0.5, 1], mode reflect
        let mut values = vec![0.0f32; 3 * 16];
        values[16] = 1.0;
        let found = smooth(values, [1, 3, 4], 16, 16, [0.0, 0.5, 1.0]).unwrap();
        for r in 0..3 {
            for c in 0..4 {
                assert!((found[r * 16 + c] - EXPECTED[r][c]).abs() < 1e-6, "{r} {c} {}", found[r * 16 + c]);
            }
        }
    }

    const EXPECTED: [[f32; 4]; 3] = [
        [0.068_395, 0.031_583_54, 0.006_234_588, 0.000_501_508],
        [0.504_124_9, 0.232_795_5, 0.045_953_81, 0.003_696_507],
        [0.068_395, 0.031_583_54, 0.006_234_588, 0.000_501_508],
    ];

    #[test]
    fn indices_fold() {
        let found: Vec<usize> = (-4..7).map(|i| mirror(i, 3)).collect();
        assert_eq!(found, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
    }
}
