//! Images as their superpixels have them.

use medcore::Image;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4};

use super::source::SlicConfig;
use crate::error::Result;

/// Every pixel as the mean of its superpixel, for a batch of colour images `[batch, 3, row, column]` from 0 to 1.
///
/// # Errors
/// [`Error::Superpixels`](crate::Error::Superpixels), and [`Error::Image`](crate::Error::Image) for empty images.
pub fn slic_mean_images(images: ArrayView4<'_, f32>, slic: &SlicConfig) -> Result<Array4<f32>> {
    let mut means = Array4::zeros(images.dim());
    for (pixels, mut out) in images.outer_iter().zip(means.outer_iter_mut()) {
        let image = Image::new(pixels.to_owned())?;
        out.assign(&slic.divide(&image)?.mean_image(&image)?.pixels());
    }
    Ok(means)
}

/// Where labels `[row, column]` change towards the right or down.
pub fn boundaries(labels: ArrayView2<'_, u32>) -> Array2<bool> {
    let at = |r: usize, c: usize| labels.get((r, c)).copied();
    Array2::from_shape_fn(labels.dim(), |(r, c)| {
        let changes = |other: Option<u32>| other.is_some_and(|label| Some(label) != at(r, c));
        changes(at(r + 1, c)) || changes(at(r, c + 1))
    })
}
