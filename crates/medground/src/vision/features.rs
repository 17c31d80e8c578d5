//! What a model keeps of an image, for any number of phrases.

use burn::tensor::{Bool, Int, Tensor, TensorData};
use mednn::detr::{downsample_mask, sine_positions};

/// The tokens of a batch of images: all that phrases need of them.
#[derive(Debug, Clone)]
pub struct ImageFeatures {
    /// `[batch, tokens, width]`, row by row.
    pub tokens: Tensor<3>,
    /// Where they are: `[batch, tokens, width]`, sines.
    pub positions: Tensor<3>,
    /// True where they are of the image, not of padding: `[batch, tokens]`.
    pub valid: Tensor<2, Bool>,
}

impl ImageFeatures {
    /// Of a map `[batch, width, rows, columns]` and the pixels `[batch, height, width]` that are real.
    ///
    /// # Panics
    /// When the width is not a multiple of 4.
    pub(crate) fn of_map(map: Tensor<4>, pixels: Tensor<3, Bool>) -> Self {
        let [batch, width, rows, columns] = map.dims();
        let valid = downsample_mask(pixels, [rows, columns]);
        let positions = sine_positions(valid.clone(), width);
        Self {
            tokens: map.reshape([batch, width, rows * columns]).swap_dims(1, 2),
            positions,
            valid: valid.reshape([batch, rows * columns]),
        }
    }

    /// How many images.
    pub fn images(&self) -> usize {
        self.tokens.dims()[0]
    }

    /// Those of some images, in the given order; an image may come several times, once for each of its phrases.
    ///
    /// # Panics
    /// When there is no image of such an index.
    #[must_use]
    pub fn select(&self, images: &[usize]) -> Self {
        let at: Vec<i64> = images.iter().map(|&image| image as i64).collect();
        let at = Tensor::<1, Int>::from_data(TensorData::new(at, [images.len()]), &self.tokens.device());
        Self {
            tokens: self.tokens.clone().select(0, at.clone()),
            positions: self.positions.clone().select(0, at.clone()),
            // By way of floats: flex 0.22.1 loses the type of selected booleans.
            valid: self.valid.clone().float().select(0, at).greater_elem(0.5),
        }
    }

    /// Several batches as one.
    ///
    /// # Panics
    /// When there are none, or their shapes differ.
    #[must_use]
    pub fn cat(batches: &[Self]) -> Self {
        let valid = batches.iter().map(|b| b.valid.clone().float()).collect();
        Self {
            tokens: Tensor::cat(batches.iter().map(|b| b.tokens.clone()).collect(), 0),
            positions: Tensor::cat(batches.iter().map(|b| b.positions.clone()).collect(), 0),
            valid: Tensor::cat(valid, 0).greater_elem(0.5),
        }
    }
}
