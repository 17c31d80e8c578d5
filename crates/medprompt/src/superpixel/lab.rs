//! Colour as eyes tell it apart.

use burn::tensor::{Tensor, TensorData};

/// From linear red, green and blue to X, Y and Z, relative to the D65 white point (IEC 61966-2-1).
const RGB_TO_XYZ: [[f64; 3]; 3] =
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]];
const WHITE: [f64; 3] = [0.95047, 1.0, 1.08883];
/// Below, the cube root is a straight line.
const LINEAR_BELOW: f64 = 0.008856;

/// sRGB from 0 to 1 as CIE Lab (D65): L from 0 to 100. Values outside of 0 to 1 are clipped.
///
/// # Shapes
/// - `images` and output: `[batch, 3, height, width]`
///
/// # Panics
/// On another number of channels.
pub fn rgb_to_lab(images: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    assert_eq!(channels, 3, "colour images have 3 channels");
    let device = images.device();
    let images = images.clamp(0.0, 1.0).reshape([batch, 3, height * width]);
    let power = ((images.clone() + 0.055) / 1.055).powf_scalar(2.4);
    let linear = power.mask_where(images.clone().lower_equal_elem(0.04045), images / 12.92);
    let matrix: Vec<f32> = (0..9).map(|i| (RGB_TO_XYZ[i / 3][i % 3] / WHITE[i / 3]) as f32).collect();
    let matrix = Tensor::<2>::from_data(TensorData::new(matrix, [3, 3]), &device);
    let xyz = matrix.unsqueeze::<3>().matmul(linear);
    let root = xyz.clone().clamp_min(LINEAR_BELOW).powf_scalar(1.0 / 3.0);
    let f = root.mask_where(xyz.clone().lower_equal_elem(LINEAR_BELOW), xyz * 7.787 + 16.0 / 116.0);
    let [x, y, z] = [0, 1, 2].map(|i| f.clone().narrow(1, i, 1));
    let lab = vec![y.clone() * 116.0 - 16.0, (x - y.clone()) * 500.0, (y - z) * 200.0];
    Tensor::cat(lab, 1).reshape([batch, 3, height, width])
}
