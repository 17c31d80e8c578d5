//! Where superpixels come from.

use burn::config::Config;
use medcore::Image;
use medsuperpixel::{Slic, Superpixels};
use serde::{Deserialize, Serialize};

use super::network::SuperpixelNetworkConfig;
use crate::error::{Result, config};

/// How an image is divided.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SuperpixelSource {
    /// Classical SLIC: fast, nothing to learn.
    Slic(SlicConfig),
    /// A superpixel sampling network, trained with the prompts.
    Network(SuperpixelNetworkConfig),
}

/// Settings of SLIC; see [`medsuperpixel::Slic`].
#[derive(Config, Debug, PartialEq)]
pub struct SlicConfig {
    /// About how many superpixels an image has; no more than it has pixels.
    #[config(default = 100)]
    pub segments: usize,
    /// The difference in Lab that weighs as much as the side of a superpixel.
    #[config(default = 10.0)]
    pub compactness: f64,
}

impl SlicConfig {
    /// Divides a colour image whose values are from 0 to 1.
    ///
    /// # Errors
    /// [`Error::Superpixels`](crate::Error::Superpixels).
    pub fn divide(&self, image: &Image<f32>) -> Result<Superpixels> {
        let segments = self.segments.min(image.height() * image.width());
        let range = medsuperpixel::ValueRange::Fixed { low: 0.0, high: 1.0 };
        let slic = Slic::new(segments).compactness(self.compactness).value_range(range);
        Ok(slic.image(image)?)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        if !(1..=1_000_000).contains(&self.segments) {
            return Err(config("segments", "1 to 1000000", self.segments));
        }
        if !(self.compactness.is_finite() && self.compactness > 0.0) {
            return Err(config("compactness", "positive and finite", self.compactness));
        }
        Ok(())
    }
}
