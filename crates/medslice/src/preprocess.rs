//! From a volume to the images that a 2D encoder sees.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use medcore::{Affine3, Geometry, Interpolation, Orientation, Volume};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How voxel values become 0 to 1.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intensity {
    /// Linear between two values, such as -1000 and 1000 HU, clipped outside.
    Range {
        /// Becomes 0.
        low: f64,
        /// Becomes 1.
        high: f64,
    },
    /// Linear between two percentiles of the volume's finite voxels: for MR, whose units are arbitrary.
    Percentiles {
        /// Becomes 0; in percent.
        low: f64,
        /// Becomes 1; in percent.
        high: f64,
    },
}

/// How the slices of a volume are prepared: order and direction, grey values, size, normalisation.
///
/// In this order: the volume is reoriented; each slice is resampled, keeping its proportions in *millimetres*, to fill a square
/// of `size` pixels, the rest filled with black; values are scaled to 0..1; the mean is subtracted and the result divided
/// by the standard deviation.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SlicePreprocessor {
    /// Orientation of the encoded grid as three letters (see [`Orientation`]); none keeps the volume's own.
    pub orientation: Option<String>,
    /// Grey values.
    pub intensity: Intensity,
    /// Side of the square images in pixels.
    pub size: usize,
    /// Subtracted from each channel; one value, or one per channel.
    pub image_mean: Vec<f64>,
    /// Divides each channel; one value, or one per channel.
    pub image_std: Vec<f64>,
}

/// ImageNet statistics, which DINO and DINOv2 were trained with.
const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

/// The fields of a transformers `preprocessor_config.json` that matter here.
#[derive(Deserialize)]
struct HuggingFace {
    size: Option<HuggingFaceSize>,
    crop_size: Option<HuggingFaceSize>,
    do_center_crop: Option<bool>,
    do_normalize: Option<bool>,
    image_mean: Option<Vec<f64>>,
    image_std: Option<Vec<f64>>,
}

/// A size has been written in several ways over the years.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum HuggingFaceSize {
    Side(usize),
    Shortest { shortest_edge: usize },
    Both { height: usize, width: usize },
}

impl HuggingFaceSize {
    /// The side of a square, if it is one.
    fn side(self) -> Option<usize> {
        match self {
            Self::Side(side) | Self::Shortest { shortest_edge: side } => Some(side),
            Self::Both { height, width } => (height == width).then_some(height),
        }
    }
}

impl SlicePreprocessor {
    /// Axial slices from feet to head, -1000 to 1000 HU, ImageNet normalisation: chest CT through a DINO or DINOv2.
    pub fn ct(size: usize) -> Self {
        Self {
            orientation: Some("LPS".to_string()),
            intensity: Intensity::Range { low: -1000.0, high: 1000.0 },
            size,
            image_mean: IMAGENET_MEAN.to_vec(),
            image_std: IMAGENET_STD.to_vec(),
        }
    }

    /// Slices as acquired, scaled from the first to the 99th percentile, ImageNet normalisation.
    pub fn mr(size: usize) -> Self {
        Self {
            orientation: None,
            intensity: Intensity::Percentiles { low: 1.0, high: 99.0 },
            ..Self::ct(size)
        }
    }

    /// [`ct`](Self::ct) with the size, mean and deviation of a transformers `preprocessor_config.json`, for a 2D encoder of some
    /// channels whose images have sides that are multiples of `side_multiple`.
    ///
    /// # Errors
    /// [`Error::Network`] when the text does not parse.
    pub fn from_hugging_face(json: &str, channels: usize, side_multiple: usize) -> Result<Self> {
        let what = || "preprocessor_config.json".to_string();
        let hf: HuggingFace = serde_json::from_str(json)
            .map_err(|source| mednn::Error::ConfigSyntax { what: what(), source })?;
        let mut preprocessor = Self::ct_for(channels, side_multiple);
        let cropped = hf.crop_size.filter(|_| hf.do_center_crop.unwrap_or(true));
        if let Some(size) = cropped.or(hf.size).and_then(HuggingFaceSize::side) {
            preprocessor.size = (size / side_multiple).max(1) * side_multiple;
        }
        if hf.do_normalize == Some(false) {
            (preprocessor.image_mean, preprocessor.image_std) = (vec![0.0], vec![1.0]);
        } else {
            preprocessor.image_mean = hf.image_mean.unwrap_or(preprocessor.image_mean);
            preprocessor.image_std = hf.image_std.unwrap_or(preprocessor.image_std);
        }
        Ok(preprocessor)
    }

    /// [`ct`](Self::ct) at 224 px, or the nearest multiple below, for a 2D encoder of some channels.
    pub fn ct_for(channels: usize, side_multiple: usize) -> Self {
        let mut preprocessor = Self::ct((224 / side_multiple).max(1) * side_multiple);
        if channels != IMAGENET_MEAN.len() {
            // Grey statistics: the mean over the channels.
            preprocessor.image_mean = vec![IMAGENET_MEAN.iter().sum::<f64>() / 3.0];
            preprocessor.image_std = vec![IMAGENET_STD.iter().sum::<f64>() / 3.0];
        }
        preprocessor
    }

    /// Checks the settings against an encoder.
    ///
    /// # Errors
    /// [`Error::Config`] with the first one that cannot be.
    pub fn validate(&self, channels: usize, side_multiple: usize) -> Result<()> {
        let wrong = |field, expected: String, found: String| Err(Error::Config { field, expected, found });
        self.orientation()?;
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
        if self.size == 0 || self.size > 1 << 14 || !self.size.is_multiple_of(side_multiple) {
            return wrong("size", format!("a multiple of {side_multiple}"), self.size.to_string());
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

    fn orientation(&self) -> Result<Option<Orientation>> {
        Ok(self.orientation.as_deref().map(str::parse).transpose()?)
    }

    /// Looks at a volume once: its orientation, its grid of images and its range of values. Nothing is copied.
    ///
    /// # Errors
    /// [`Error::Volume`] when it cannot be reoriented; [`Error::NoContrast`] when percentiles of it coincide.
    pub fn prepare<'a>(&self, volume: &'a Volume<f32>) -> Result<PreparedVolume<'a>> {
        let turned = match self.orientation()? {
            Some(orientation) => volume.geometry().reorient(orientation)?,
            None => *volume.geometry(),
        };
        let (low, high) = match self.intensity {
            Intensity::Range { low, high } => (low, high),
            Intensity::Percentiles { low, high } => percentiles(volume, low, high)?,
        };
        let target = square_grid(&turned, self.size)?;
        Ok(PreparedVolume { volume, turned, target, low, high })
    }

    /// Normalised images of a range of slices.
    ///
    /// # Shapes
    /// - output: `[range, channels, size, size]`
    ///
    /// # Errors
    /// [`Error::Volume`] when the range does not lie in the volume.
    pub fn images(
        &self,
        prepared: &PreparedVolume<'_>,
        range: Range<usize>,
        channels: usize,
        device: &Device,
    ) -> Result<Tensor<4>> {
        let grey = prepared.grey(range)?;
        let [slices, rows, columns] = grey.size();
        let grey = Tensor::<4>::from_data(
            TensorData::new(grey.into_voxels().into_raw_vec_and_offset().0, [slices, 1, rows, columns]),
            device,
        );
        let per_channel = |values: &[f64]| {
            let values: Vec<f32> = (0..channels).map(|c| values[c.min(values.len() - 1)] as f32).collect();
            Tensor::<4>::from_data(TensorData::new(values, [1, channels, 1, 1]), device)
        };
        let repeated = grey.expand([slices, channels, rows, columns]);
        Ok((repeated - per_channel(&self.image_mean)) / per_channel(&self.image_std))
    }
}

/// A volume with what is needed to make images of its slices, batch by batch.
#[derive(Debug)]
pub struct PreparedVolume<'a> {
    volume: &'a Volume<f32>,
    turned: Geometry,
    target: Geometry,
    low: f64,
    high: f64,
}

impl PreparedVolume<'_> {
    /// The grid of images: as many slices as the reoriented volume, square in plane.
    pub const fn geometry(&self) -> &Geometry {
        &self.target
    }

    /// How many slices there are.
    pub const fn slices(&self) -> usize {
        self.target.size()[0]
    }

    /// The slices of a range on the square grid, 0 (black) to 1 (white).
    ///
    /// # Errors
    /// [`Error::Volume`] when the range does not lie in the volume.
    pub fn grey(&self, range: Range<usize>) -> Result<Volume<f32>> {
        let part = self.part(&range)?;
        let [_, height, width] = self.target.size();
        let shift =
            Affine3::new([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0, range.start as f64]);
        let target = self.target.with_voxel_map([range.len(), height, width], &shift)?;
        let scale = 1.0 / (self.high - self.low);
        let (low, scale) = (self.low as f32, scale as f32);
        // Clipped before resampling: metal and padding must not bleed into their surroundings.
        let scaled = part.map(move |v| if v.is_nan() { 0.0 } else { ((v - low) * scale).clamp(0.0, 1.0) });
        Ok(scaled.resample_to(&target, Interpolation::Linear, 0.0)?)
    }

    /// A range of the turned slices, cut out of the volume as it is stored: only this part is ever copied.
    fn part(&self, range: &Range<usize>) -> Result<Volume<f32>> {
        let [slices, rows, columns] = self.turned.size();
        if range.is_empty() || range.end > slices {
            return Err(medcore::Error::OutOfBounds {
                start: vec![range.start, 0, 0],
                end: vec![range.end, rows, columns],
                size: vec![slices, rows, columns],
            }
            .into());
        }
        // Two opposite corners of the range are two opposite corners of a block of stored voxels.
        let stored = |index: [usize; 3]| {
            let v = self.volume.geometry().voxel(self.turned.position(index)).coords();
            [v[2], v[1], v[0]].map(|x| x.round().max(0.0) as usize)
        };
        let first = stored([range.start, 0, 0]);
        let last = stored([range.end - 1, rows - 1, columns - 1]);
        let start = std::array::from_fn(|axis| first[axis].min(last[axis]));
        let size = std::array::from_fn(|axis| first[axis].abs_diff(last[axis]) + 1);
        let part = self.volume.crop(start, size)?;
        let orientation = self.turned.orientation();
        Ok(if part.orientation() == orientation { part } else { part.reorient(orientation)? })
    }
}

/// A grid of the same slices whose square pixels cover the field of view, which stays in the middle.
fn square_grid(geometry: &Geometry, size: usize) -> Result<Geometry> {
    let [slices, rows, columns] = geometry.size();
    let spacing = geometry.spacing();
    let extent = [columns as f64 * spacing.column, rows as f64 * spacing.row];
    let pixel = extent[0].max(extent[1]) / size as f64;
    // New pixel centres to old voxel coordinates: same middle, other step.
    let (sx, sy) = (pixel / spacing.column, pixel / spacing.row);
    let middle = (size as f64 - 1.0) / 2.0;
    let offset = |n: usize, step: f64| (n as f64 - 1.0) / 2.0 - middle * step;
    let map = Affine3::new(
        [[sx, 0.0, 0.0], [0.0, sy, 0.0], [0.0, 0.0, 1.0]],
        [offset(columns, sx), offset(rows, sy), 0.0],
    );
    Ok(geometry.with_voxel_map([slices, size, size], &map)?)
}

/// Two percentiles of the finite voxels, of at most about a million of them, evenly spread.
fn percentiles(volume: &Volume<f32>, low: f64, high: f64) -> Result<(f64, f64)> {
    const SAMPLES: usize = 1 << 20;
    let voxels = volume.as_slice();
    let step = voxels.len().div_ceil(SAMPLES).max(1);
    let mut values: Vec<f32> = voxels.iter().step_by(step).copied().filter(|v| v.is_finite()).collect();
    values.sort_by(f32::total_cmp);
    let at = |percent: f64| {
        let index = (percent / 100.0 * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(index).map_or(f64::NAN, |&v| f64::from(v))
    };
    let (low, high) = (at(low), at(high));
    if low < high { Ok((low, high)) } else { Err(Error::NoContrast { low, high }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use medcore::{Point3, Spacing};

    #[test]
    fn the_square_grid_keeps_the_field_of_view_in_the_middle() {
        let g =
            Geometry::axial([3, 50, 100], Spacing::new(1.0, 3.0, 5.0), Point3::new(7.0, 8.0, 9.0)).unwrap();
        let square = square_grid(&g, 30).unwrap();
        assert_eq!(square.size(), [3, 30, 30]);
        let s = square.spacing();
        assert!((s.column - 5.0).abs() < 1e-9 && (s.row - 5.0).abs() < 1e-9 && (s.slice - 5.0).abs() < 1e-9);
        assert!(square.center().distance(g.center()) < 1e-9);
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        let fine = SlicePreprocessor::ct(224);
        fine.validate(3, 14).unwrap();
        let refused = |p: SlicePreprocessor| p.validate(3, 14).unwrap_err();
        refused(SlicePreprocessor { size: 225, ..fine.clone() });
        refused(SlicePreprocessor { image_mean: vec![0.5; 2], ..fine.clone() });
        refused(SlicePreprocessor { image_std: vec![0.0], ..fine.clone() });
        refused(SlicePreprocessor { orientation: Some("LLL".into()), ..fine.clone() });
        refused(SlicePreprocessor { intensity: Intensity::Range { low: 1.0, high: 1.0 }, ..fine.clone() });
        refused(SlicePreprocessor { intensity: Intensity::Percentiles { low: 1.0, high: 101.0 }, ..fine });
    }

    #[test]
    fn published_sizes_and_statistics_are_taken() {
        let read = |json: &str| SlicePreprocessor::from_hugging_face(json, 3, 14).unwrap();
        let dinov2 = r#"{"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224},
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25], "do_center_crop": true}"#;
        assert_eq!((read(dinov2).size, read(dinov2).image_mean), (224, vec![0.5; 3]));
        assert_eq!(read(r#"{"size": 518, "do_center_crop": false, "crop_size": 224}"#).size, 518);
        assert_eq!(read(r#"{"size": {"height": 100, "width": 100}}"#).size, 98);
        assert_eq!(read(r#"{"do_normalize": false}"#).image_std, [1.0]);
        SlicePreprocessor::from_hugging_face("{}", 1, 16).unwrap().validate(1, 16).unwrap();
        assert!(SlicePreprocessor::from_hugging_face("[1]", 3, 14).is_err());
    }

    #[test]
    fn parts_are_the_slices_of_the_turned_volume() {
        let affine = Affine3::new([[0.0, 0.1, 2.0], [-1.5, 0.0, 0.1], [0.1, -1.0, 0.0]], [3.0, 4.0, 5.0]);
        let g = Geometry::new([5, 6, 7], affine).unwrap();
        let volume = Volume::from_vec((0..210).map(|v| v as f32).collect(), g).unwrap();
        for orientation in ["LPS", "RAS", "IPR", "ASL"] {
            let settings =
                SlicePreprocessor { orientation: Some(orientation.into()), ..SlicePreprocessor::ct(14) };
            let prepared = settings.prepare(&volume).unwrap();
            let turned = volume.reorient(orientation).unwrap();
            let [slices, rows, columns] = turned.size();
            for range in [0..1, 1..3, slices - 2..slices] {
                let expected = turned.crop([range.start, 0, 0], [range.len(), rows, columns]).unwrap();
                let part = prepared.part(&range).unwrap();
                assert_eq!(part.as_slice(), expected.as_slice(), "{orientation} {range:?}");
                assert!(part.geometry().is_close(expected.geometry(), 1e-9));
            }
            assert!(prepared.grey(slices - 1..slices + 1).is_err());
        }
    }

    #[test]
    fn a_flat_volume_has_no_percentiles() {
        let g = Geometry::axial([1, 4, 4], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        let flat = Volume::filled(3.0f32, g);
        assert!(matches!(SlicePreprocessor::mr(14).prepare(&flat), Err(Error::NoContrast { .. })));
        assert!(SlicePreprocessor::mr(14).prepare(&Volume::filled(f32::NAN, g)).is_err());
    }
}
