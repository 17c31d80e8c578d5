//! Images that vary, with their boxes and phrases.

use medcore::{Image, PixelBox};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::data::{GroundingSample, Laterality};
use crate::error::{Error, Result};

/// Whether images are mirrored.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum Flip {
    /// Never: a mirrored chest has its heart on the right, and a phrase may name a side without the words left and right.
    #[default]
    Off,
    /// Half of the time, with left and right exchanged in the phrase ([`Laterality::mirror`]), as TransVG does with photographs.
    ExchangeSides,
}

/// How much images vary.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Up to this share of the room around all boxes is cut off on each side; 0 to below 0.5.
    pub crop: f64,
    /// Grey values are raised to a power up to this factor from 1, either way; 1 for none.
    pub gamma: f64,
    /// Whether images are mirrored.
    pub flip: Flip,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { crop: 0.3, gamma: 1.3, flip: Flip::Off }
    }
}

impl Augmentation {
    /// Images as they are.
    pub const fn none() -> Self {
        Self { crop: 0.0, gamma: 1.0, flip: Flip::Off }
    }

    /// Checks that the settings can be.
    ///
    /// # Errors
    /// [`Error::Config`] with the field that cannot.
    pub fn validate(&self) -> Result<()> {
        let wrong = |field, expected: &str, found: f64| {
            Err(Error::Config { field, expected: expected.to_string(), found: found.to_string() })
        };
        if !(0.0..0.5).contains(&self.crop) {
            return wrong("crop", "0 to below 0.5", self.crop);
        }
        if !(1.0..=4.0).contains(&self.gamma) {
            return wrong("gamma", "1 to 4", self.gamma);
        }
        Ok(())
    }

    /// A varied image with its sample; the same seed gives the same one.
    ///
    /// # Errors
    /// [`Error::Image`] when the image cannot be cut.
    pub fn apply(
        &self,
        image: &Image<f32>,
        sample: &GroundingSample,
        seed: u64,
    ) -> Result<(Image<f32>, GroundingSample)> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut image, mut sample) = self.cropped(image, sample, &mut rng)?;
        // Drawn always, so that one setting does not change what another draws.
        let power = self.gamma.powf(rng.random_range(-1.0..=1.0));
        if self.gamma > 1.0 {
            image = with_gamma(&image, power);
        }
        let mirror: bool = rng.random();
        if self.flip == Flip::ExchangeSides && mirror {
            (image, sample) = mirrored(&image, &sample)?;
        }
        Ok((image, sample))
    }

    fn cropped(
        &self,
        image: &Image<f32>,
        sample: &GroundingSample,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Image<f32>, GroundingSample)> {
        let (width, height) = (image.width() as f64, image.height() as f64);
        let centre = PixelBox::new(width / 2.0, height / 2.0, width / 2.0, height / 2.0)?;
        let kept = sample.boxes.iter().copied().reduce(|a, b| a.hull(&b)).unwrap_or(centre);
        let [x0, y0, x1, y1] = kept.xyxy();
        let mut cut = |room: f64| (self.crop * rng.random::<f64>() * room.max(0.0)).floor() as usize;
        let [left, top, right, bottom] = [cut(x0), cut(y0), cut(width - x1), cut(height - y1)];
        let rows = image.height().saturating_sub(top + bottom).max(1);
        let columns = image.width().saturating_sub(left + right).max(1);
        let shift = |b: &PixelBox| {
            let [x0, y0, x1, y1] = b.xyxy();
            PixelBox::new(x0 - left as f64, y0 - top as f64, x1 - left as f64, y1 - top as f64)
        };
        let boxes = sample.boxes.iter().map(shift).collect::<Result<_, _>>()?;
        let sample = GroundingSample { boxes, size: Some([rows, columns]), ..sample.clone() };
        Ok((image.crop(top, left, rows, columns)?, sample))
    }
}

/// Grey values, scaled to 0..1 and back, to a power.
fn with_gamma(image: &Image<f32>, power: f64) -> Image<f32> {
    let (low, high) = image
        .pixels()
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    let range = high - low;
    if range > 0.0 {
        image.map(|v| low + range * ((v - low) / range).powf(power as f32))
    } else {
        image.clone()
    }
}

/// Left for right: the pixels, the boxes and the words.
fn mirrored(image: &Image<f32>, sample: &GroundingSample) -> Result<(Image<f32>, GroundingSample)> {
    let mut pixels = image.pixels();
    pixels.invert_axis(ndarray::Axis(2));
    let width = image.width() as f64;
    let turn = |b: &PixelBox| {
        let [x0, y0, x1, y1] = b.xyxy();
        PixelBox::new(width - x1, y0, width - x0, y1)
    };
    let boxes = sample.boxes.iter().map(turn).collect::<Result<_, _>>()?;
    // A mirrored image is nowhere in the patient.
    let image = Image::new(pixels.to_owned())?;
    Ok((image, GroundingSample { boxes, phrase: Laterality::mirror(&sample.phrase), ..sample.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// The patient's right, on the left of the image, is bright; the left has a box too.
    fn chest() -> (Image<f32>, [GroundingSample; 2]) {
        let pixels = Array2::from_shape_fn([40, 60], |(r, c)| {
            let inside = (10..30).contains(&r);
            if inside && (5..20).contains(&c) {
                9.0
            } else if inside && (40..55).contains(&c) {
                4.0
            } else {
                ((r + c) % 3) as f32 * 0.1
            }
        });
        let sample = |phrase: &str, x: f64| GroundingSample {
            image: "a".to_string(),
            size: Some([40, 60]),
            phrase: phrase.to_string(),
            boxes: vec![PixelBox::from_xywh(x, 10.0, 15.0, 20.0).unwrap()],
            patient: None,
            split: None,
        };
        (Image::grey(pixels).unwrap(), [sample("right lung", 5.0), sample("left lung", 40.0)])
    }

    /// The brightest value in the box, relative to that of the image.
    fn brightness(image: &Image<f32>, bounds: &PixelBox) -> f32 {
        let [x0, y0, x1, y1] = bounds.xyxy().map(|v| v as usize);
        let pixels = image.pixels();
        let part = pixels.slice(ndarray::s![0, y0..y1, x0..x1]);
        part.iter().sum::<f32>() / part.len() as f32 / pixels.iter().fold(0.0f32, |a, b| a.max(*b))
    }

    /// Whatever is drawn, a phrase goes with the lung of its side, which is told by its brightness.
    #[test]
    fn left_and_right_are_never_confused() {
        let (image, samples) = chest();
        let mut mirrored = 0;
        for flip in [Flip::Off, Flip::ExchangeSides] {
            let augmentation = Augmentation { flip, ..Augmentation::default() };
            for (seed, sample) in (0..50).flat_map(|seed| samples.iter().map(move |s| (seed, s))) {
                let (varied, found) = augmentation.apply(&image, sample, seed).unwrap();
                let bright = brightness(&varied, &found.boxes[0]) > 0.99;
                // In a mirrored image the bright lung is the left one.
                let turned = found.phrase != sample.phrase;
                assert!(flip == Flip::ExchangeSides || !turned);
                assert_eq!(bright, sample.phrase == "right lung", "{}", sample.phrase);
                assert_eq!((found.phrase == "right lung") ^ turned, bright);
                // Right is on the left of the image, mirrored or not.
                let centre = (found.boxes[0].xyxy()[0] + found.boxes[0].xyxy()[2]) / 2.0;
                let on_the_left = centre < varied.width() as f64 / 2.0;
                assert_eq!(on_the_left, found.phrase == "right lung");
                mirrored += usize::from(turned);
            }
        }
        assert!((20..80).contains(&mirrored), "{mirrored}");
    }

    #[test]
    fn boxes_stay_whole_and_seeds_repeat() {
        let (image, samples) = chest();
        let augmentation = Augmentation { crop: 0.49, ..Augmentation::default() };
        for seed in 0..30 {
            let (varied, found) = augmentation.apply(&image, &samples[0], seed).unwrap();
            assert_eq!(found.boxes[0].area(), samples[0].boxes[0].area());
            assert_eq!(found.boxes[0].clip(varied.height(), varied.width()), Some(found.boxes[0]));
            assert_eq!(augmentation.apply(&image, &samples[0], seed).unwrap().0, varied);
        }
        let (same, sample) = Augmentation::none().apply(&image, &samples[0], 1).unwrap();
        assert_eq!((same, sample), (image, samples[0].clone()));
        assert!(Augmentation { crop: 0.5, ..Augmentation::none() }.validate().is_err());
    }
}
