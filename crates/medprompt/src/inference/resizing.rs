//! From the scale of an image to that of training, and back.

use burn::config::Config;
use ndarray::{Array3, ArrayView3, s};

use crate::error::{Result, config, shape};
use crate::resample::{resize, shrink};

/// So that an image at the scale of training fits into memory.
const MAX_PIXELS: usize = 1 << 27;

/// How images of training became the squares that the model saw. Images to segment are brought to the same scale before windows slide
/// over them, and what is found is brought back to their size.
#[derive(Config, Debug, PartialEq, Eq)]
pub struct Resizing {
    /// Side of the squares that the model saw, in pixels.
    pub size: usize,
    /// Images with a longer side were made smaller first, to this side in pixels.
    pub max_side: Option<usize>,
    /// Whether images that are not square were then continued by zeros, on both sides alike.
    #[config(default = false)]
    pub square: bool,
    /// Side, in pixels, of the squares that images were then cut into, each of which was resized to `size`. Without it, and for images
    /// with a shorter side, the largest square of the image was.
    pub tile: Option<usize>,
}

/// Rows and columns after each of the three steps.
struct Sizes {
    shrunk: [usize; 2],
    squared: [usize; 2],
    seen: [usize; 2],
}

impl Resizing {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        let sides = [("size", Some(self.size)), ("max_side", self.max_side), ("tile", self.tile)];
        for (field, side) in sides {
            if side.is_some_and(|side| !(1..=65_536).contains(&side)) {
                return Err(config(field, "1 to 65536", side.unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// An image `[channel, row, column]` at the scale of training.
    pub(super) fn apply(&self, image: ArrayView3<'_, f32>) -> Result<Array3<f32>> {
        let size = [image.dim().1, image.dim().2];
        let Sizes { shrunk, squared, seen } = self.sizes(size)?;
        let image = if shrunk == size { image.to_owned() } else { shrink(image, shrunk) };
        let image = if squared == shrunk { image } else { continued(&image, squared) };
        Ok(if seen == squared { image } else { resize(image.view(), seen) })
    }

    /// What was found at the scale of training, `[class, row, column]`, at the size of the image.
    pub(super) fn undo(&self, found: Array3<f32>, size: [usize; 2]) -> Result<Array3<f32>> {
        let Sizes { shrunk, squared, seen } = self.sizes(size)?;
        let found = if seen == squared { found } else { resize(found.view(), squared) };
        let found = if squared == shrunk { found } else { middle(&found, shrunk) };
        Ok(if shrunk == size { found } else { resize(found.view(), size) })
    }

    fn sizes(&self, size: [usize; 2]) -> Result<Sizes> {
        let longest = size[0].max(size[1]);
        let shrunk = match self.max_side {
            Some(most) if longest > most => scaled(size, most, longest),
            _ => size,
        };
        let squared = if self.square { [shrunk[0].max(shrunk[1]); 2] } else { shrunk };
        let shortest = squared[0].min(squared[1]);
        let seen = scaled(squared, self.size, self.tile.map_or(shortest, |tile| tile.min(shortest)));
        if seen[0].saturating_mul(seen[1]) > MAX_PIXELS {
            let expected = format!("at most {MAX_PIXELS} pixels at the scale of training");
            return Err(shape("image", expected, &seen));
        }
        Ok(Sizes { shrunk, squared, seen })
    }
}

/// Sides times `to / from`, at least 1.
fn scaled(size: [usize; 2], to: usize, from: usize) -> [usize; 2] {
    size.map(|side| ((side * to) as f64 / from as f64).round().max(1.0) as usize)
}

/// The first pixel of what is in the middle.
fn margin(outer: [usize; 2], inner: [usize; 2]) -> [usize; 2] {
    [(outer[0] - inner[0]) / 2, (outer[1] - inner[1]) / 2]
}

fn continued(image: &Array3<f32>, size: [usize; 2]) -> Array3<f32> {
    let (channels, height, width) = image.dim();
    let [top, left] = margin(size, [height, width]);
    let mut larger = Array3::zeros([channels, size[0], size[1]]);
    larger.slice_mut(s![.., top..top + height, left..left + width]).assign(image);
    larger
}

fn middle(found: &Array3<f32>, [height, width]: [usize; 2]) -> Array3<f32> {
    let [top, left] = margin([found.dim().1, found.dim().2], [height, width]);
    found.slice(s![.., top..top + height, left..left + width]).as_standard_layout().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(height: usize, width: usize) -> Array3<f32> {
        Array3::from_shape_fn([2, height, width], |(k, r, c)| k as f32 + r as f32 * 0.01 + c as f32 * 0.02)
    }

    #[test]
    fn what_was_one_image_of_training_is_one_window() {
        let whole = Resizing::new(32);
        assert_eq!(whole.apply(ramp(64, 64).view()).unwrap().dim(), (2, 32, 32));
        assert_eq!(whole.apply(ramp(100, 50).view()).unwrap().dim(), (2, 64, 32));
        let square = Resizing::new(32).with_square(true);
        let found = square.apply(ramp(100, 50).view()).unwrap();
        assert_eq!((found.dim(), found[[1, 5, 0]], found[[1, 5, 31]]), ((2, 32, 32), 0.0, 0.0));
        let tiles = Resizing::new(32).with_tile(Some(64));
        assert_eq!(tiles.apply(ramp(128, 256).view()).unwrap().dim(), (2, 64, 128));
        assert_eq!(tiles.apply(ramp(16, 20).view()).unwrap().dim(), (2, 32, 40));
        let small = Resizing::new(32).with_max_side(Some(64)).with_tile(Some(32));
        assert_eq!(small.apply(ramp(128, 256).view()).unwrap().dim(), (2, 32, 64));
    }

    #[test]
    fn what_was_resized_comes_back() {
        for resizing in [
            Resizing::new(40),
            Resizing::new(40).with_square(true),
            Resizing::new(48).with_max_side(Some(50)).with_square(true),
            Resizing::new(32).with_tile(Some(24)),
        ] {
            let image = ramp(60, 44);
            let seen = resizing.apply(image.view()).unwrap();
            let found = resizing.undo(seen, [60, 44]).unwrap();
            let inside = s![.., 3..57, 3..41];
            let off = (&found.slice(inside) - &image.slice(inside)).fold(0f32, |m, v| m.max(v.abs()));
            assert!(found.dim() == image.dim() && off < 2e-3, "{resizing:?}: {off}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [Resizing::new(0), Resizing::new(8).with_tile(Some(0)), Resizing::new(70_000)] {
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
        let far = Resizing::new(65_536).with_tile(Some(1));
        assert!(far.apply(ramp(64, 64).view()).is_err());
    }
}
