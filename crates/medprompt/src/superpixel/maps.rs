//! What superpixels say of an image beside their means.

use medcore::Image;
use ndarray::{Array2, Array4, ArrayView3, ArrayView4, s};

use super::source::SlicConfig;
use crate::error::Result;

/// Of red, green and blue in luminance (ITU-R BT.601).
const LUMINANCE: [f32; 3] = [0.299, 0.587, 0.114];

/// Three maps of each of a batch of colour images `[batch, 3, row, column]` from 0 to 1:
///
/// 1. the luminance of the superpixel's mean, less the mean of the image;
/// 2. what a pixel differs from that: texture, and objects smaller than superpixels;
/// 3. the contrast to the neighbouring superpixels: the largest distance in colour to the mean of another one above, below, left or right;
///    0 within a superpixel.
///
/// Each map is divided by its root mean square over the image, so that faint images say as much as bright ones.
///
/// # Errors
/// [`Error::Superpixels`](crate::Error::Superpixels), and [`Error::Image`](crate::Error::Image) for empty images.
pub fn slic_maps(images: ArrayView4<'_, f32>, slic: &SlicConfig) -> Result<Array4<f32>> {
    let mut maps = Array4::zeros(images.dim());
    for (pixels, mut out) in images.outer_iter().zip(maps.outer_iter_mut()) {
        let image = Image::new(pixels.to_owned())?;
        let means = slic.divide(&image)?.mean_image(&image)?.into_pixels();
        let (own, mean) = (luminance(pixels), luminance(means.view()));
        let middle = mean.mean().unwrap_or_default();
        for (k, map) in [mean.mapv(|v| v - middle), &own - &mean, contrast(means.view())].iter().enumerate() {
            out.slice_mut(s![k, .., ..]).assign(&scaled(map));
        }
    }
    Ok(maps)
}

fn luminance(pixels: ArrayView3<'_, f32>) -> Array2<f32> {
    let (_, height, width) = pixels.dim();
    Array2::from_shape_fn((height, width), |(r, c)| (0..3).map(|k| LUMINANCE[k] * pixels[[k, r, c]]).sum())
}

fn contrast(means: ArrayView3<'_, f32>) -> Array2<f32> {
    let (_, height, width) = means.dim();
    Array2::from_shape_fn((height, width), |(r, c)| {
        let distance = |row: usize, column: usize| {
            (0..3).map(|k| (means[[k, r, c]] - means[[k, row, column]]).powi(2)).sum::<f32>().sqrt()
        };
        let mut largest = 0f32;
        for (row, column) in [(r + 1, c), (r, c + 1), (r.wrapping_sub(1), c), (r, c.wrapping_sub(1))] {
            if row < height && column < width {
                largest = largest.max(distance(row, column));
            }
        }
        largest
    })
}

/// Divided by the root mean square; a map of zeros stays one.
fn scaled(map: &Array2<f32>) -> Array2<f32> {
    let square = map.iter().map(|v| v * v).sum::<f32>() / map.len().max(1) as f32;
    let root = square.sqrt();
    map.mapv(|v| if root > 1e-6 { v / root } else { 0.0 })
}
