//! From pixels of any kind to colour from 0 to 1.

use burn::config::Config;
use medcore::{Image, Scalar, Volume};
use ndarray::{Array3, ArrayView3, Axis, concatenate};
use serde::{Deserialize, Serialize};

use crate::error::{Result, config, shape};
use crate::training::check_finite;

/// How pixel values become 0 to 1.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Default)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intensity {
    /// Linear from the smallest to the largest value of the image or volume; an image of one value becomes 0.
    #[default]
    MinMax,
    /// Linear between two values, clipped outside: 0 and 255 for pictures of 8 bits, a window in HU for CT.
    Range {
        /// Becomes 0.
        low: f32,
        /// Becomes 1.
        high: f32,
    },
    /// Linear between two percentiles of all values, clipped outside: for MR.
    Percentiles {
        /// Becomes 0; in percent.
        low: f64,
        /// Becomes 1; in percent.
        high: f64,
    },
}

/// Prepares images for a [`SegmentationModel`](crate::SegmentationModel), which does the normalisation.
///
/// One channel becomes three equal ones; of four the last, opacity, is left out.
#[derive(Config, Debug, PartialEq)]
pub struct Preprocessor {
    /// Values.
    #[config(default = "Intensity::MinMax")]
    pub intensity: Intensity,
}

impl Preprocessor {
    /// Pixels `[3, row, column]` from 0 to 1.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for other numbers of channels than 1, 3 and 4; [`Error::NotFinite`](crate::Error::NotFinite);
    /// [`Error::Config`](crate::Error::Config) for a range that is none.
    pub fn prepare<T: Scalar>(&self, image: &Image<T>) -> Result<Array3<f32>> {
        let pixels = image.pixels();
        let channels = match image.channels() {
            1 => 1,
            3 | 4 => 3,
            _ => {
                return Err(shape(
                    "image",
                    "1 (grey), 3 (colour) or 4 (with opacity) channels",
                    pixels.shape(),
                ));
            }
        };
        let mut pixels = pixels.slice(ndarray::s![..channels, .., ..]).mapv(Scalar::to_f32);
        check_finite(pixels.view())?;
        let range = self.range(pixels.view())?;
        pixels.mapv_inplace(|v| scale(v, range));
        Ok(if channels == 1 { three(pixels.view())? } else { pixels })
    }

    /// The values of a volume, `[slice, row, column]`, from 0 to 1, scaled over the whole volume.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) (its channel is the slice); [`Error::Config`](crate::Error::Config) for a range that
    /// is none.
    pub fn prepare_volume<T: Scalar>(&self, volume: &Volume<T>) -> Result<Array3<f32>> {
        let voxels = volume.voxels();
        check_finite(voxels.view())?;
        let range = self.range(voxels.view())?;
        Ok(voxels.mapv(|v| scale(v.to_f32(), range)))
    }

    /// The values that become 0 and 1. NaN is passed over.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a range that is none.
    pub(super) fn range<T: Scalar>(&self, values: ArrayView3<'_, T>) -> Result<(f32, f32)> {
        let values = values.iter().map(|v| v.to_f32());
        match self.intensity {
            Intensity::MinMax => {
                let start = (f32::INFINITY, f32::NEG_INFINITY);
                Ok(values.fold(start, |(low, high), v| (low.min(v), high.max(v))))
            }
            Intensity::Range { low, high } if low.is_finite() && high.is_finite() && low < high => {
                Ok((low, high))
            }
            Intensity::Range { low, high } => {
                Err(config("range", "a finite low value below a finite high one", format!("{low} to {high}")))
            }
            Intensity::Percentiles { low, high } if 0.0 <= low && low < high && high <= 100.0 => {
                let mut values: Vec<f32> = values.filter(|v| v.is_finite()).collect();
                let last = values.len().saturating_sub(1) as f64;
                let mut at = |percent: f64| {
                    let place = (last * percent / 100.0).round() as usize;
                    if values.is_empty() {
                        0.0
                    } else {
                        *values.select_nth_unstable_by(place, f32::total_cmp).1
                    }
                };
                Ok((at(low), at(high)))
            }
            Intensity::Percentiles { low, high } => {
                Err(config("percentiles", "0 <= low < high <= 100", format!("{low} to {high}")))
            }
        }
    }
}

/// One value to 0 to 1.
pub(super) fn scale(value: f32, (low, high): (f32, f32)) -> f32 {
    // Halved first: the whole range of f32 has no width in f32.
    let width = high * 0.5 - low * 0.5;
    if width > 0.0 { ((value * 0.5 - low * 0.5) / width).clamp(0.0, 1.0) } else { 0.0 }
}

/// One channel as three.
pub(super) fn three(grey: ArrayView3<'_, f32>) -> Result<Array3<f32>> {
    concatenate(Axis(0), &[grey, grey, grey]).map_err(|_| shape("image", "one channel", grey.shape()))
}
