//! Logits that follow superpixels.

use burn::config::Config;
use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use medcore::Image;
use ndarray::{Array4, ArrayView4, Axis};

use super::source::SlicConfig;
use crate::error::{Result, config};

/// How the logits of a pixel and the mean logits of its superpixel become one: `(1 - weight) pixel + weight mean`.
///
/// What a decoder says on a coarse grid follows the borders that are seen in the image, without anything to learn.
#[derive(Config, Debug, PartialEq)]
pub struct ReadoutConfig {
    /// The superpixels.
    #[config(default = "SlicConfig::new()")]
    pub slic: SlicConfig,
    /// How much the mean counts, from 0 to 1.
    #[config(default = 0.5)]
    pub weight: f64,
}

impl ReadoutConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.weight) {
            return Err(config("weight", "0 to 1", self.weight));
        }
        self.slic.validate()
    }

    /// The logits, read out.
    ///
    /// # Shapes
    /// - `logits` and output: `[batch, classes, height, width]`
    /// - `regions`: numbers of superpixels as [`slic_regions`] makes them, `[batch, 1, height, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, logits: Tensor<4>, regions: Tensor<4>) -> Tensor<4> {
        let means = region_means(logits.clone(), regions);
        logits * (1.0 - self.weight) + means * self.weight
    }
}

/// The number of the superpixel of every pixel, from 0, for a batch of colour images `[batch, 3, row, column]` from 0 to 1: `[batch, 1, row,
/// column]`. Whole numbers, in f32 for devices.
///
/// # Errors
/// [`Error::Superpixels`](crate::Error::Superpixels), and [`Error::Image`](crate::Error::Image) for empty images.
pub fn slic_regions(images: ArrayView4<'_, f32>, slic: &SlicConfig) -> Result<Array4<f32>> {
    let (batch, _, height, width) = images.dim();
    let mut regions = Array4::zeros([batch, 1, height, width]);
    for (pixels, mut out) in images.outer_iter().zip(regions.outer_iter_mut()) {
        let found = slic.divide(&Image::new(pixels.to_owned())?)?;
        out.assign(&found.labels().mapv(|label| label as f32 - 1.0));
    }
    debug_assert_eq!(regions.len_of(Axis(1)), 1);
    Ok(regions)
}

/// Every value as the mean over its region; gradients flow through the mean.
///
/// # Shapes
/// - `values` and output: `[batch, channels, height, width]`
/// - `regions`: whole numbers from 0, `[batch, 1, height, width]`
///
/// # Panics
/// On other shapes, and on numbers below 0.
pub fn region_means(values: Tensor<4>, regions: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = values.dims();
    let device = values.device();
    let count = regions.clone().max().into_scalar::<f32>() as usize + 1;
    let pixels = height * width;
    // Rows of one table for all images: whole rows are added and fetched, not single numbers.
    let first = Tensor::<1, Int>::arange(0..batch as i64, &device) * count as i64;
    let places = regions.reshape([batch, pixels]).int() + first.reshape([batch, 1]);
    let places = places.reshape([batch * pixels]);
    let sum = |rows: Tensor<2>| {
        let nothing = Tensor::<2>::zeros([batch * count, rows.dims()[1]], &device);
        nothing.select_assign(0, places.clone(), rows, IndexingUpdateOp::Add)
    };
    let sizes = sum(Tensor::ones([batch * pixels, 1], &device)).clamp_min(1.0);
    let rows = values.permute([0, 2, 3, 1]).reshape([batch * pixels, channels]);
    let means = (sum(rows) / sizes).select(0, places.clone());
    means.reshape([batch, height, width, channels]).permute([0, 3, 1, 2])
}
