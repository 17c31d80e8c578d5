//! Raw pixels as features: what an encoder has to beat.

use medcore::{Interpolation, Volume};
use ndarray::{Array2, ArrayView1};

use crate::error::Result;

/// Each slice as `side * side` pixels `[slices, pixels]`.
///
/// # Errors
/// [`Error::Volume`](crate::Error::Volume) when it cannot be resized.
pub fn of_slices(images: &Volume<f32>, side: usize) -> Result<Array2<f32>> {
    let slices = images.size()[0];
    let small = images.resize([slices, side, side], Interpolation::Linear)?;
    let values = small.as_slice();
    Ok(Array2::from_shape_fn([slices, side * side], |(slice, pixel)| values[slice * side * side + pixel]))
}

/// The pixels of each patch of a grid `[slices * patches, pixels]`.
pub fn of_patches(images: &Volume<f32>, [rows, columns]: [usize; 2]) -> Array2<f32> {
    let [slices, height, width] = images.size();
    let (ph, pw) = (height / rows, width / columns);
    let voxels = images.voxels();
    Array2::from_shape_fn([slices * rows * columns, ph * pw], |(row, pixel)| {
        let (slice, patch) = (row / (rows * columns), row % (rows * columns));
        let (r, c) = (patch / columns * ph + pixel / pw, patch % columns * pw + pixel % pw);
        voxels[[slice, r, c]]
    })
}

/// The pixels of each patch and of the eight around it, every other one; black beyond the image.
pub fn around_patches(images: &Volume<f32>, [rows, columns]: [usize; 2]) -> Array2<f32> {
    let [slices, height, width] = images.size();
    let (ph, pw) = (height / rows, width / columns);
    let (across_h, across_w) = (3 * ph / 2, 3 * pw / 2);
    let voxels = images.voxels();
    Array2::from_shape_fn([slices * rows * columns, across_h * across_w], |(row, pixel)| {
        let (slice, patch) = (row / (rows * columns), row % (rows * columns));
        let r = (patch / columns * ph + pixel / across_w * 2).checked_sub(ph);
        let c = (patch % columns * pw + pixel % across_w * 2).checked_sub(pw);
        match (r, c) {
            (Some(r), Some(c)) if r < height && c < width => voxels[[slice, r, c]],
            _ => 0.0,
        }
    })
}

/// The most frequent label of each patch of a grid.
pub fn majority_labels(labels: &Volume<f32>, grid: [usize; 2]) -> Vec<i64> {
    let most = |row: ArrayView1<'_, f32>| {
        let mut sorted: Vec<i64> = row.iter().map(|&v| v.round() as i64).collect();
        sorted.sort_unstable();
        sorted.chunk_by(|a, b| a == b).max_by_key(|run| run.len()).map_or(-1, |run| run[0])
    };
    of_patches(labels, grid).outer_iter().map(most).collect()
}
