//! Resizing learned position tables.
//!
//! Interpolation is linear in the table, so it is done as one small matrix product per axis: the same result on every backend, and
//! gradients flow through it. The weights follow PyTorch's `interpolate(mode="bicubic", align_corners=False)`.

use burn::tensor::{Device, Tensor, TensorData};

/// How a table is resized.
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TableInterpolation {
    /// PyTorch's bicubic (a = -0.75, border values repeated): ViT, DINO and DINOv2 in transformers.
    #[default]
    Bicubic,
    /// PyTorch's antialiased bicubic (a = -0.5, kernel stretched when shrinking, weights renormalised at
    /// borders): DINOv2 with registers in transformers.
    BicubicAntialias,
}

/// A table `[rows * columns, width]` of a `from` grid, resized to a `to` grid: `[rows * columns, width]`.
///
/// # Panics
/// When the table does not have `from[0] * from[1]` rows.
pub fn interpolate_table(
    table: Tensor<2>,
    from: [usize; 2],
    to: [usize; 2],
    method: TableInterpolation,
) -> Tensor<2> {
    if from == to {
        return table;
    }
    let device = table.device();
    let width = table.dims()[1];
    let matrix = |from, to| weight_tensor(cubic_weights(from, to, method), from, to, &device);
    // Rows first: [to0, from0] x [from0, from1 * width].
    let rows = matrix(from[0], to[0]).matmul(table.reshape([from[0], from[1] * width]));
    let columns = matrix(from[1], to[1]).unsqueeze::<3>().expand([to[0], to[1], from[1]]);
    columns.matmul(rows.reshape([to[0], from[1], width])).reshape([to[0] * to[1], width])
}

fn weight_tensor(weights: Vec<f32>, from: usize, to: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(weights, [to, from]), device)
}

/// The bicubic weights `[to, from]`, row-major: how much each old sample counts in each new one.
pub fn cubic_weights(from: usize, to: usize, method: TableInterpolation) -> Vec<f32> {
    let mut weights = vec![0.0; to * from];
    let scale = from as f64 / to as f64;
    for (i, row) in weights.chunks_exact_mut(from).enumerate() {
        let center = (i as f64 + 0.5) * scale;
        match method {
            TableInterpolation::Bicubic => plain_row(row, center - 0.5),
            TableInterpolation::BicubicAntialias => antialias_row(row, center, scale.max(1.0)),
        }
    }
    weights
}

/// The linear weights `[to, from]`, row-major, with borders repeated: for one-dimensional tables that are to be read
/// at more positions than they have.
pub fn linear_weights(from: usize, to: usize) -> Vec<f32> {
    let mut weights = vec![0.0; to * from];
    for (i, row) in weights.chunks_exact_mut(from).enumerate() {
        let at = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
        let low = at.floor();
        let fraction = (at - low) as f32;
        row[low as usize] += 1.0 - fraction;
        row[(low as usize + 1).min(from - 1)] += fraction;
    }
    weights
}

fn plain_row(row: &mut [f32], at: f64) {
    let last = row.len() as i64 - 1;
    let low = at.floor() as i64;
    for tap in low - 1..=low + 2 {
        row[tap.clamp(0, last) as usize] += cubic(at - tap as f64, -0.75) as f32;
    }
}

fn antialias_row(row: &mut [f32], center: f64, stretch: f64) {
    let support = 2.0 * stretch;
    let start = ((center - support + 0.5) as i64).max(0) as usize;
    let end = ((center + support + 0.5) as usize).min(row.len());
    let raw: Vec<f64> = (start..end).map(|j| cubic((j as f64 + 0.5 - center) / stretch, -0.5)).collect();
    let sum: f64 = raw.iter().sum();
    for (weight, value) in row[start..end].iter_mut().zip(raw) {
        *weight = (value / sum) as f32;
    }
}

/// Keys' cubic convolution kernel.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_every_sample_sum_to_one() {
        for (from, to) in [(7, 16), (37, 16), (5, 5), (1, 4), (4, 1), (2, 3)] {
            let linear = linear_weights(from, to);
            let plain = cubic_weights(from, to, TableInterpolation::Bicubic);
            let smooth = cubic_weights(from, to, TableInterpolation::BicubicAntialias);
            for weights in [linear, plain, smooth] {
                for row in weights.chunks_exact(from) {
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{from} -> {to}");
                }
            }
        }
    }

    #[test]
    fn the_same_size_is_the_identity() {
        for method in [TableInterpolation::Bicubic, TableInterpolation::BicubicAntialias] {
            for (i, row) in cubic_weights(6, 6, method).chunks_exact(6).enumerate() {
                assert!(row.iter().enumerate().all(|(j, &w)| (w - f32::from(i == j)).abs() < 1e-7));
            }
        }
        assert_eq!(linear_weights(3, 3)[..3], [1.0, 0.0, 0.0]);
    }
}
