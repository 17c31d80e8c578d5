//! Changes of image and mask together.

use burn::config::Config;
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};

use super::batch::Sample;
use super::random::Random;
use crate::error::{Result, config};
use crate::resample::{Tap, bilinear};

/// Random changes that keep what an image shows. Places change in image and mask alike; values change in the image alone.
#[derive(Config, Debug, PartialEq)]
pub struct Augmentation {
    /// Rows and columns of what comes out.
    pub size: [usize; 2],
    /// Whether left and right, and top and bottom, are exchanged half of the time each.
    #[config(default = true)]
    pub flips: bool,
    /// Whether the image is turned by a random multiple of 90 degrees; only where the output is square.
    #[config(default = true)]
    pub quarter_turns: bool,
    /// What is cut out and resized to the output is from this part of the largest fitting window up to the whole of it, at a random
    /// place; 1 for the whole window in the middle.
    #[config(default = 0.7)]
    pub min_zoom: f64,
    /// Brightness changes by up to this.
    #[config(default = 0.1)]
    pub brightness: f64,
    /// Contrast around the mean changes by a factor from `1 - contrast` to `1 + contrast`.
    #[config(default = 0.2)]
    pub contrast: f64,
    /// Largest standard deviation of noise.
    #[config(default = 0.02)]
    pub noise: f64,
}

impl Augmentation {
    /// No change but the size: the middle of the image, as for validation.
    pub fn none(size: [usize; 2]) -> Self {
        Self::new(size)
            .with_flips(false)
            .with_quarter_turns(false)
            .with_min_zoom(1.0)
            .with_brightness(0.0)
            .with_contrast(0.0)
            .with_noise(0.0)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        if self.size.iter().any(|side| !(1..=65_536).contains(side)) {
            return Err(config("size", "sides from 1 to 65536", format!("{:?}", self.size)));
        }
        if !(self.min_zoom > 0.0 && self.min_zoom <= 1.0) {
            return Err(config("min_zoom", "above 0, at most 1", self.min_zoom));
        }
        for (field, found) in
            [("brightness", self.brightness), ("contrast", self.contrast), ("noise", self.noise)]
        {
            if !(0.0..=1.0).contains(&found) {
                return Err(config(field, "0 to 1", found));
            }
        }
        Ok(())
    }

    /// One changed sample; pixels stay within 0 to 1.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn apply(&self, sample: &Sample, random: &mut Random) -> Result<Sample> {
        self.validate()?;
        let window = self.window(sample.mask().dim(), random);
        let mut image = resize_image(sample.image().view(), window, self.size);
        let mut mask = resize_mask(sample.mask().view(), window, self.size);
        for axis in 0..2 {
            if self.flips && random.chance(0.5) {
                image.invert_axis(Axis(1 + axis));
                mask.invert_axis(Axis(axis));
            }
        }
        if self.quarter_turns && self.size[0] == self.size[1] {
            for _ in 0..random.below(4) {
                image.swap_axes(1, 2);
                image.invert_axis(Axis(1));
                mask.swap_axes(0, 1);
                mask.invert_axis(Axis(0));
            }
        }
        let mut image = image.as_standard_layout().into_owned();
        self.change_values(&mut image, random);
        Ok(Sample::from_parts(image, mask.as_standard_layout().into_owned()))
    }

    fn change_values(&self, image: &mut Array3<f32>, random: &mut Random) {
        let mean = image.mean().unwrap_or_default();
        let contrast = random.between(1.0 - self.contrast, 1.0 + self.contrast) as f32;
        let brightness = random.between(-self.brightness, self.brightness) as f32;
        let noise = random.between(0.0, self.noise) as f32;
        for v in image.iter_mut() {
            let own = if noise > 0.0 { random.normal() as f32 * noise } else { 0.0 };
            // The image itself where nothing changes, to the bit.
            let changed = if contrast == 1.0 { *v } else { (*v - mean) * contrast + mean };
            *v = (changed + brightness + own).clamp(0.0, 1.0);
        }
    }

    /// The part of an image that is cut out: a window of the output's proportions.
    fn window(&self, (height, width): (usize, usize), random: &mut Random) -> Window {
        let [rows, columns] = self.size.map(|side| side as f64);
        let (height, width) = (height as f64, width as f64);
        let largest = (height / rows).min(width / columns);
        let scale = largest * if self.min_zoom < 1.0 { random.between(self.min_zoom, 1.0) } else { 1.0 };
        let room = [height - scale * rows, width - scale * columns];
        let place = |room: f64, random: &mut Random| {
            room.max(0.0) * if self.min_zoom < 1.0 { random.unit() } else { 0.5 }
        };
        Window { start: [place(room[0], random), place(room[1], random)], scale }
    }
}

/// Where output pixels come from: `start + scale * (i + 0.5) - 0.5` in input pixels.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: [f64; 2],
    scale: f64,
}

impl Window {
    fn source(&self, axis: usize, index: usize, length: usize) -> f64 {
        let at = self.start[axis] + self.scale * (index as f64 + 0.5) - 0.5;
        at.clamp(0.0, (length - 1) as f64)
    }
}

fn resize_image(image: ArrayView3<'_, f32>, window: Window, size: [usize; 2]) -> Array3<f32> {
    let (_, height, width) = image.dim();
    let taps = |axis: usize, count: usize, length: usize| -> Vec<Tap> {
        (0..count).map(|i| Tap::at(window.source(axis, i, length), length)).collect()
    };
    bilinear(image, &taps(0, size[0], height), &taps(1, size[1], width))
}

fn resize_mask(mask: ArrayView2<'_, u16>, window: Window, size: [usize; 2]) -> Array2<u16> {
    let (height, width) = mask.dim();
    Array2::from_shape_fn(size, |(r, c)| {
        let row = window.source(0, r, height).round() as usize;
        let column = window.source(1, c, width).round() as usize;
        mask[[row, column]]
    })
}
