//! Superpixels of several sizes.

use burn::config::Config;
use medcore::Image;
use ndarray::{Array4, ArrayView4, s};

use super::source::SlicConfig;
use crate::error::{Result, config};

/// Superpixels of several sizes of the same image: small ones keep borders, large ones say what is around.
#[derive(Config, Debug, PartialEq)]
pub struct SuperpixelPyramid {
    /// About how many superpixels each level has.
    #[config(default = "vec![600, 150, 40]")]
    pub segments: Vec<usize>,
    /// As [`SlicConfig::compactness`].
    #[config(default = 10.0)]
    pub compactness: f64,
}

impl SuperpixelPyramid {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        if !(1..=16).contains(&self.segments.len()) {
            return Err(config("segments", "1 to 16 levels", self.segments.len()));
        }
        self.levels().try_for_each(|slic| slic.validate())
    }

    /// The levels, in their order.
    pub fn levels(&self) -> impl Iterator<Item = SlicConfig> + '_ {
        let compactness = self.compactness;
        self.segments.iter().map(move |&segments| SlicConfig { segments, compactness })
    }

    /// A batch of colour images `[batch, 3, row, column]` from 0 to 1 as the means of the superpixels of each level, `[batch, 3 levels, row,
    /// column]`, and the numbers of the superpixels from 0, `[batch, levels, row, column]`: whole numbers, in f32 for devices.
    ///
    /// # Errors
    /// [`Error::Superpixels`](crate::Error::Superpixels), and [`Error::Image`](crate::Error::Image) for empty images.
    pub fn divide(&self, images: ArrayView4<'_, f32>) -> Result<(Array4<f32>, Array4<f32>)> {
        let (batch, channels, height, width) = images.dim();
        let levels = self.segments.len();
        let mut means = Array4::zeros([batch, channels * levels, height, width]);
        let mut regions = Array4::zeros([batch, levels, height, width]);
        for (n, pixels) in images.outer_iter().enumerate() {
            let image = Image::new(pixels.to_owned())?;
            for (level, slic) in self.levels().enumerate() {
                let superpixels = slic.divide(&image)?;
                let first = channels * level;
                let mean = superpixels.mean_image(&image)?;
                means.slice_mut(s![n, first..first + channels, .., ..]).assign(&mean.pixels());
                let numbers = superpixels.labels().mapv(|label| label as f32 - 1.0);
                regions.slice_mut(s![n, level..=level, .., ..]).assign(&numbers);
            }
        }
        Ok((means, regions))
    }
}
