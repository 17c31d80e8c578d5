//! Resizing feature maps.
//!
//! Bilinear interpolation is linear in the map, so it is done as a small matrix product per axis: the same result on every
//! backend, and gradients flow through it (burn's own has no backward pass on GPUs). The weights follow PyTorch's
//! `interpolate(mode="bilinear", align_corners=False)`.

use burn::tensor::{Device, Tensor, TensorData};

use super::interpolate::linear_weights;

/// A feature map resized to `[rows, columns]`.
///
/// # Shapes
/// - `map`: `[batch, channels, height, width]`
/// - output: `[batch, channels, rows, columns]`
pub fn resize_bilinear(map: Tensor<4>, to: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = map.dims();
    let device = map.device();
    let [rows, columns] = to;
    let map = if width == columns {
        map
    } else {
        let weights = matrix(width, columns, &device).transpose();
        map.reshape([batch * channels * height, width])
            .matmul(weights)
            .reshape([batch, channels, height, columns])
    };
    if height == rows { map } else { matrix(height, rows, &device).unsqueeze::<4>().matmul(map) }
}

/// The sum of several maps of tokens, each resized to `[rows, columns]` first.
///
/// The columns of all maps are interpolated by one product, which adds them up on the way: no resized map is ever stored.
///
/// # Shapes
/// - `maps`: `[batch, height, width, channels]` each, of any heights and widths; at least one
/// - output: `[batch, rows, columns, channels]`
///
/// # Panics
/// On maps of different batches or channels, and without any.
pub fn sum_of_resized(maps: Vec<Tensor<4>>, to: [usize; 2]) -> Tensor<4> {
    let [rows, columns] = to;
    let (maps, weights): (Vec<_>, Vec<_>) = maps
        .into_iter()
        .map(|map| {
            let device = map.device();
            let width = map.dims()[2];
            (resize_rows(map, rows), matrix(width, columns, &device))
        })
        .unzip();
    let weights = Tensor::cat(weights, 1);
    weights.unsqueeze::<4>().matmul(Tensor::cat(maps, 2))
}

/// `[batch, height, width, channels]` to `[batch, rows, width, channels]`.
fn resize_rows(map: Tensor<4>, rows: usize) -> Tensor<4> {
    let [batch, height, width, channels] = map.dims();
    if height == rows {
        return map;
    }
    let weights = matrix(height, rows, &map.device()).unsqueeze::<3>();
    weights.matmul(map.reshape([batch, height, width * channels])).reshape([batch, rows, width, channels])
}

/// The weights `[to, from]`.
fn matrix(from: usize, to: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(linear_weights(from, to), [to, from]), device)
}
