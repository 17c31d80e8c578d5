//! From an image to what a backbone sees.

use burn::tensor::{Bool, Device, Tensor, TensorData};
use medcore::{Image, Interpolation, Volume};
use serde::{Deserialize, Serialize};

use super::letterbox::{Letterbox, MAX_SIZE};
use crate::error::{Error, Result};

/// How pixel values become 0 to 1.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intensity {
    /// Linear between two values, such as 0 and 255, clipped outside.
    Range {
        /// Becomes 0.
        low: f64,
        /// Becomes 1.
        high: f64,
    },
    /// Linear between two percentiles of the image: for radiographs, whose units are arbitrary.
    Percentiles {
        /// Becomes 0; in percent.
        low: f64,
        /// Becomes 1; in percent.
        high: f64,
    },
}

/// How images are prepared: grey values to 0..1, [`Letterbox`], normalisation. Padding is 0 after normalisation, and masked.
///
/// Images are grey. Three or four channels are taken where red, green and blue are equal in every pixel, as in many files of
/// radiographs; a colour photograph is refused. That a radiograph is a lateral view cannot be told from its pixels here: who has
/// its header should not ask.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ImagePreprocessor {
    /// Side of the square in pixels.
    pub size: usize,
    /// Grey values.
    pub intensity: Intensity,
    /// Subtracted from each channel; one value, or one per channel.
    pub image_mean: Vec<f64>,
    /// Divides each channel; one value, or one per channel.
    pub image_std: Vec<f64>,
}

/// An image in its square, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedPixels {
    /// Normalised grey values of the square `[channel, row, column]`, row-major.
    pub pixels: Vec<f32>,
    /// Where the image lies.
    pub letterbox: Letterbox,
    channels: usize,
}

const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

impl ImagePreprocessor {
    /// The smallest to the largest value of the image, ImageNet normalisation.
    pub fn radiograph(size: usize) -> Self {
        Self {
            size,
            intensity: Intensity::Percentiles { low: 0.0, high: 100.0 },
            image_mean: IMAGENET_MEAN.to_vec(),
            image_std: IMAGENET_STD.to_vec(),
        }
    }

    /// -1000 to 1000 HU, ImageNet normalisation: slices of CT.
    pub fn ct(size: usize) -> Self {
        Self { intensity: Intensity::Range { low: -1000.0, high: 1000.0 }, ..Self::radiograph(size) }
    }

    /// Checks the settings against a backbone.
    ///
    /// # Errors
    /// [`Error::Config`] with the first one that cannot be.
    pub fn validate(&self, channels: usize, side_multiple: usize) -> Result<()> {
        let wrong = |field, expected: String, found: String| Err(Error::Config { field, expected, found });
        let (low, high) = match self.intensity {
            Intensity::Range { low, high } => (low, high),
            Intensity::Percentiles { low, high } if !(0.0..=100.0).contains(&low) || high > 100.0 => {
                return wrong("intensity", "percentiles from 0 to 100".into(), format!("{low}, {high}"));
            }
            Intensity::Percentiles { low, high } => (low, high),
        };
        if !(low.is_finite() && high.is_finite() && low < high) {
            return wrong("intensity", "low below high".into(), format!("{low}, {high}"));
        }
        if self.size == 0 || self.size > MAX_SIZE || !self.size.is_multiple_of(side_multiple) {
            let expected = format!("a multiple of {side_multiple} up to {MAX_SIZE}");
            return wrong("size", expected, self.size.to_string());
        }
        for (field, values) in [("image_mean", &self.image_mean), ("image_std", &self.image_std)] {
            if values.len() != 1 && values.len() != channels {
                return wrong(field, format!("1 or {channels} values"), values.len().to_string());
            }
            if values.iter().any(|v| !v.is_finite() || (field == "image_std" && *v <= 0.0)) {
                return wrong(field, "finite values, deviations above 0".into(), format!("{values:?}"));
            }
        }
        Ok(())
    }

    /// An image in its square, for a backbone of some channels whose tokens cover `least` pixels.
    ///
    /// # Errors
    /// [`Error::Channels`], [`Error::Colour`], [`Error::NotFinite`], [`Error::NoContrast`], [`Error::TooThin`], and
    /// [`Error::Image`] when there is no memory.
    pub fn prepare(&self, image: &Image<f32>, channels: usize, least: usize) -> Result<PreparedPixels> {
        let grey = grey(image)?;
        let letterbox = Letterbox::new(grey.height(), grey.width(), self.size)?;
        let [rows, columns] = letterbox.content();
        if rows.min(columns) < least.min(self.size) {
            let (height, width) = (grey.height(), grey.width());
            return Err(Error::TooThin { height, width, content: rows.min(columns), least });
        }
        let (low, high) = self.range(grey.pixels().iter())?;
        let small = grey.resize(rows, columns, Interpolation::Linear)?;
        let small = small.map(|v| ((f64::from(v) - low) / (high - low)).clamp(0.0, 1.0) as f32);
        let pixels = self.in_square(&small, &letterbox, channels);
        Ok(PreparedPixels { pixels, letterbox, channels })
    }

    /// The same for every slice of a volume: percentiles become the range that they are in all of it.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::NoContrast`] when percentiles coincide.
    pub fn for_volume(&self, volume: &Volume<f32>) -> Result<Self> {
        all_finite(volume.as_slice().iter())?;
        let (low, high) = self.range(volume.as_slice().iter())?;
        Ok(Self { intensity: Intensity::Range { low, high }, ..self.clone() })
    }

    fn range<'a>(&self, values: impl Iterator<Item = &'a f32>) -> Result<(f64, f64)> {
        match self.intensity {
            Intensity::Range { low, high } => Ok((low, high)),
            Intensity::Percentiles { low, high } => {
                let mut sorted: Vec<f32> = values.copied().collect();
                sorted.sort_unstable_by(f32::total_cmp);
                let at = |percent: f64| {
                    f64::from(sorted[(percent / 100.0 * (sorted.len() - 1) as f64).round() as usize])
                };
                let (low, high) = (at(low), at(high));
                if low < high { Ok((low, high)) } else { Err(Error::NoContrast { value: low }) }
            }
        }
    }

    fn in_square(&self, image: &Image<f32>, letterbox: &Letterbox, channels: usize) -> Vec<f32> {
        let size = letterbox.size();
        let [top, left] = letterbox.offset();
        let mut square = vec![0.0; channels * size * size];
        for channel in 0..channels {
            let pick = |values: &[f64]| values[if values.len() == 1 { 0 } else { channel }] as f32;
            let (mean, std) = (pick(&self.image_mean), pick(&self.image_std));
            for (row, values) in image.pixels().index_axis(ndarray::Axis(0), 0).outer_iter().enumerate() {
                let start = (channel * size + top + row) * size + left;
                for (to, from) in square[start..].iter_mut().zip(values) {
                    *to = (from - mean) / std;
                }
            }
        }
        square
    }
}

impl PreparedPixels {
    /// As a batch on a device: images `[batch, channels, size, size]`, and true where they show pixels `[batch, size, size]`.
    ///
    /// # Errors
    /// [`Error::Batch`] when there are none, or their sizes differ.
    pub fn batch(images: &[&Self], device: &Device) -> Result<(Tensor<4>, Tensor<3, Bool>)> {
        let batch = |expected: &str, found: String| Error::Batch {
            what: "images",
            expected: expected.to_string(),
            found,
        };
        let first = images.first().ok_or_else(|| batch("at least one", "none".to_string()))?;
        let (size, channels) = (first.letterbox.size(), first.channels);
        if let Some(other) = images.iter().find(|i| i.letterbox.size() != size || i.channels != channels) {
            return Err(batch(&format!("squares of {size} pixels"), other.letterbox.size().to_string()));
        }
        let pixels: Vec<f32> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        let shows = |image: &&Self| {
            let letterbox = image.letterbox;
            (0..size * size).map(move |at| letterbox.shows(at / size, at % size)).collect::<Vec<_>>()
        };
        let valid: Vec<bool> = images.iter().flat_map(shows).collect();
        let pixels = Tensor::from_data(TensorData::new(pixels, [images.len(), channels, size, size]), device);
        let valid = Tensor::from_data(TensorData::new(valid, [images.len(), size, size]), device);
        Ok((pixels, valid))
    }
}

fn all_finite<'a>(values: impl ExactSizeIterator<Item = &'a f32>) -> Result<()> {
    let total = values.len();
    let count = values.filter(|v| !v.is_finite()).count();
    if count > 0 { Err(Error::NotFinite { count, total }) } else { Ok(()) }
}

/// The one channel of a grey image; see [`ImagePreprocessor`] for those that are taken.
fn grey(image: &Image<f32>) -> Result<Image<f32>> {
    let pixels = image.pixels();
    let total = image.height() * image.width();
    all_finite(pixels.iter())?;
    match image.channels() {
        1 => Ok(image.clone()),
        3 | 4 => {
            let [red, green, blue] = [0, 1, 2].map(|c| pixels.index_axis(ndarray::Axis(0), c));
            let same = |((r, g), b): ((&f32, &f32), &f32)| r == g && g == b;
            let differing = red.iter().zip(green).zip(blue).filter(|rgb| !same(*rgb)).count();
            if differing > 0 {
                return Err(Error::Colour { differing, total });
            }
            Ok(Image::grey(red.to_owned())?)
        }
        found => Err(Error::Channels { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Array3};

    fn ramp(height: usize, width: usize) -> Image<f32> {
        Image::grey(Array2::from_shape_fn([height, width], |(_, column)| column as f32)).unwrap()
    }

    #[test]
    fn values_and_padding() {
        let preprocessor = ImagePreprocessor {
            image_mean: vec![0.5],
            image_std: vec![0.25],
            ..ImagePreprocessor::radiograph(8)
        };
        let prepared = preprocessor.prepare(&ramp(4, 8), 3, 1).unwrap();
        assert_eq!(prepared.letterbox.offset(), [2, 0]);
        let expected: Vec<f32> = (0..8).map(|c| (c as f32 / 7.0 - 0.5) / 0.25).collect();
        for channel in 0..3 {
            let row = |r: usize| &prepared.pixels[(channel * 8 + r) * 8..][..8];
            assert_eq!(row(1), [0.0; 8]);
            for (found, expected) in row(2).iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn grey_in_three_channels_is_grey() {
        let preprocessor = ImagePreprocessor::radiograph(8);
        let ramp = ramp(8, 8);
        let same = Image::new(Array3::from_shape_fn([3, 8, 8], |(_, _, column)| column as f32)).unwrap();
        let found = preprocessor.prepare(&same, 3, 1).unwrap();
        assert_eq!(found, preprocessor.prepare(&ramp, 3, 1).unwrap());
        let photo =
            Image::new(Array3::from_shape_fn([3, 8, 8], |(k, _, column)| (column + k) as f32)).unwrap();
        let error = preprocessor.prepare(&photo, 3, 1).unwrap_err();
        assert!(matches!(error, Error::Colour { differing: 64, total: 64 }), "{error}");
        let two = Image::new(Array3::zeros([2, 8, 8])).unwrap();
        assert!(matches!(preprocessor.prepare(&two, 3, 1), Err(Error::Channels { found: 2 })));
    }

    #[test]
    fn images_that_show_nothing_are_refused() {
        let preprocessor = ImagePreprocessor::radiograph(64);
        let flat = Image::grey(Array2::from_elem([8, 8], 3.0)).unwrap();
        assert!(matches!(preprocessor.prepare(&flat, 3, 1), Err(Error::NoContrast { value: 3.0 })));
        let mut holes = ramp(8, 8);
        holes.pixels_mut()[[0, 1, 1]] = f32::NAN;
        assert!(matches!(preprocessor.prepare(&holes, 3, 1), Err(Error::NotFinite { count: 1, total: 64 })));
        let thin = preprocessor.prepare(&ramp(8, 800), 3, 32);
        assert!(matches!(thin, Err(Error::TooThin { content: 1, least: 32, .. })));
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        let field = |preprocessor: &ImagePreprocessor| match preprocessor.validate(3, 32) {
            Err(Error::Config { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let good = ImagePreprocessor::radiograph(64);
        good.validate(3, 32).unwrap();
        assert_eq!(field(&ImagePreprocessor { size: 65, ..good.clone() }), "size");
        assert_eq!(field(&ImagePreprocessor { image_mean: vec![0.5; 2], ..good.clone() }), "image_mean");
        assert_eq!(field(&ImagePreprocessor { image_std: vec![0.0], ..good.clone() }), "image_std");
        let intensity = Intensity::Percentiles { low: -1.0, high: 99.0 };
        assert_eq!(field(&ImagePreprocessor { intensity, ..good }), "intensity");
    }
}
