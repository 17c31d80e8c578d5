//! Where the tokens of an image are.

use burn::tensor::{Bool, Int, Tensor, TensorData};

/// Wavelengths go from 2 pi to this many times 2 pi.
const TEMPERATURE: f32 = 10_000.0;
/// Keeps an image without a real pixel from dividing by zero.
const EPSILON: f32 = 1e-6;

/// Sine position embeddings of the real part of padded maps (DETR, appendix A.4): rows and columns are counted over
/// real pixels only and scaled to 2 pi, and each fills half of the width with sines and cosines in turn, rows first.
///
/// # Shapes
/// - `valid`: `[batch, rows, columns]`, true where the map is real
/// - output: `[batch, rows * columns, width]`, row by row
///
/// # Panics
/// When `width` is not a multiple of 4.
pub fn sine_positions(valid: Tensor<3, Bool>, width: usize) -> Tensor<3> {
    assert!(width.is_multiple_of(4), "sine positions fill a width of a multiple of 4, not {width}");
    let [batch, rows, columns] = valid.dims();
    let valid = valid.float();
    let row = fraction(valid.clone().cumsum(1), 1);
    let column = fraction(valid.cumsum(2), 2);
    let half = |at: Tensor<3>| waves(at.reshape([batch, rows * columns, 1]), width / 2);
    Tensor::cat(vec![half(row), half(column)], 2)
}

/// Counts along `dim` as a part of the last one, times 2 pi.
fn fraction(counts: Tensor<3>, dim: usize) -> Tensor<3> {
    let last = counts.dims()[dim] - 1;
    let total = counts.clone().narrow(dim, last, 1) + EPSILON;
    counts / total * (2.0 * std::f32::consts::PI)
}

/// `[batch, tokens, 1]` to `[batch, tokens, features]`: sine and cosine of each of `features / 2` wavelengths.
fn waves(at: Tensor<3>, features: usize) -> Tensor<3> {
    let [batch, tokens, _] = at.dims();
    let periods: Vec<f32> =
        (0..features / 2).map(|i| TEMPERATURE.powf((2 * i) as f32 / features as f32)).collect();
    let periods = Tensor::from_data(TensorData::new(periods, [1, 1, features / 2]), &at.device());
    let phase = at / periods;
    Tensor::stack::<4>(vec![phase.clone().sin(), phase.cos()], 3).reshape([batch, tokens, features])
}

/// The mask of a feature map from that of its image, by the nearest pixel, as PyTorch's `interpolate` picks it.
///
/// # Shapes
/// - `valid`: `[batch, height, width]`; output: `[batch, rows, columns]`
///
/// # Panics
/// When a side is 0.
pub fn downsample_mask(valid: Tensor<3, Bool>, [rows, columns]: [usize; 2]) -> Tensor<3, Bool> {
    let [_, height, width] = valid.dims();
    let device = valid.device();
    let nearest = |from: usize, to: usize| {
        // In f32, so that ties round as in PyTorch.
        let scale = from as f32 / to as f32;
        let at: Vec<i32> = (0..to).map(|i| ((i as f32 * scale) as usize).min(from - 1) as i32).collect();
        Tensor::<1, Int>::from_data(TensorData::new(at, [to]), &device)
    };
    // By way of floats: flex 0.22.1 loses the type of selected booleans.
    let picked = valid.float().select(1, nearest(height, rows)).select(2, nearest(width, columns));
    picked.greater_elem(0.5)
}
