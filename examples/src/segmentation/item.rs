//! A sample with its name, and how it is cut to size.

use std::path::Path;

use medprompt::inference::{Preprocessor, Resizing};
use medprompt::training::Sample;
use ndarray::{Array2, Array3, Axis, s};

use super::manifest::{Manifest, Side};
use crate::error::Result;
use crate::picture::{evenly_spaced, resize_linear, resize_nearest};
use crate::picture_file::read_picture;

/// A colour image `[3, row, column]` from 0 to 1, the smallest to the largest value of the image, of a PNG or JPEG file of any kind. A
/// [`PromptSegmenter`](medprompt::PromptSegmenter) scales images alike.
///
/// # Errors
/// As [`read_picture`].
pub fn read_image(path: &Path) -> Result<Array3<f32>> {
    Ok(Preprocessor::new().prepare(&read_picture(path)?)?)
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name of the file, and of the slice or tile.
    pub name: String,
    /// What is held out or trained on as a whole: a patient, else a file.
    pub group: String,
    /// Its side of the split, where that is given.
    pub side: Option<Side>,
}

impl Source {
    /// Of a file, by its name without extension, and what a manifest says of it.
    pub fn of(stem: &str, manifest: Option<&Manifest>) -> Self {
        let entry = manifest.and_then(|manifest| manifest.get(stem));
        let patient = entry.and_then(|entry| entry.patient.clone());
        Self {
            name: stem.to_string(),
            group: patient.unwrap_or_else(|| stem.to_string()),
            side: entry.and_then(|entry| entry.side),
        }
    }

    /// A part of it.
    pub(super) fn part(&self, part: impl std::fmt::Display) -> Self {
        Self { name: format!("{} {part}", self.name), ..self.clone() }
    }
}

/// An image with its truth.
#[derive(Debug, Clone)]
pub struct Item {
    /// Image and classes.
    pub sample: Sample,
    /// Where it comes from.
    pub source: Source,
}

/// How images become items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cutting {
    /// Images with a longer side are made smaller.
    pub max_side: Option<usize>,
    /// Whether what is not square is continued by zeros, on both sides alike.
    pub square: bool,
    /// Images are cut into squares of this side; at the border they overlap. Smaller images stay whole.
    pub tile: Option<usize>,
    /// At most so many tiles of an image, evenly spaced.
    pub tiles: Option<usize>,
}

impl Cutting {
    /// The same for images to segment, for a model that sees squares of `size` pixels.
    pub fn resizing(&self, size: usize) -> Resizing {
        Resizing::new(size).with_max_side(self.max_side).with_square(self.square).with_tile(self.tile)
    }

    /// The items of an image `[3, row, column]` with its classes.
    ///
    /// # Errors
    /// [`Error::Segmentation`](crate::Error::Segmentation) when the mask has another size than the image.
    pub fn items(&self, image: Array3<f32>, mask: Array2<u16>, source: &Source) -> Result<Vec<Item>> {
        let (mut image, mut mask) = Sample::new(image, mask)?.into_parts();
        if let Some(side) = self.max_side {
            (image, mask) = shrink(image, mask, side)?;
        }
        if self.square {
            (image, mask) = squared(&image, &mask);
        }
        let Some(side) = self.tile else {
            return Ok(vec![Item { sample: Sample::new(image, mask)?, source: source.clone() }]);
        };
        let (height, width) = mask.dim();
        let places: Vec<(usize, usize)> = starts(height, side)
            .into_iter()
            .flat_map(|row| starts(width, side).into_iter().map(move |column| (row, column)))
            .collect();
        let chosen = evenly_spaced(places.len(), self.tiles.unwrap_or(places.len()));
        let tile = |index: usize| {
            let (row, column) = places[index];
            let (bottom, right) = ((row + side).min(height), (column + side).min(width));
            let image = image.slice(s![.., row..bottom, column..right]).as_standard_layout().into_owned();
            let mask = mask.slice(s![row..bottom, column..right]).as_standard_layout().into_owned();
            let many = places.len() > 1;
            let source = if many { source.part(format!("{row},{column}")) } else { source.clone() };
            Ok(Item { sample: Sample::new(image, mask)?, source })
        };
        chosen.into_iter().map(tile).collect()
    }
}

/// The first pixels of as few windows as cover an axis, evenly spaced.
fn starts(length: usize, side: usize) -> Vec<usize> {
    let last = length.saturating_sub(side);
    let count = length.div_ceil(side.max(1)).max(1);
    (0..count).map(|i| if count > 1 { i * last / (count - 1) } else { last / 2 }).collect()
}

fn shrink(image: Array3<f32>, mask: Array2<u16>, longest: usize) -> Result<(Array3<f32>, Array2<u16>)> {
    let (height, width) = mask.dim();
    let now = height.max(width);
    if now <= longest {
        return Ok((image, mask));
    }
    let side = |side: usize| ((side * longest) as f64 / now as f64).round().max(1.0) as usize;
    let size = [side(height), side(width)];
    let mut smaller = Array3::zeros([image.dim().0, size[0], size[1]]);
    for (from, mut to) in image.axis_iter(Axis(0)).zip(smaller.axis_iter_mut(Axis(0))) {
        to.assign(&resize_linear(&from, size)?);
    }
    Ok((smaller, resize_nearest(&mask.view(), size)?))
}

fn squared(image: &Array3<f32>, mask: &Array2<u16>) -> (Array3<f32>, Array2<u16>) {
    let (height, width) = mask.dim();
    let side = height.max(width);
    let (top, left) = ((side - height) / 2, (side - width) / 2);
    let mut square = Array3::zeros([image.dim().0, side, side]);
    square.slice_mut(s![.., top..top + height, left..left + width]).assign(image);
    let mut classes = Array2::zeros([side, side]);
    classes.slice_mut(s![top..top + height, left..left + width]).assign(mask);
    (square, classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(cutting: &Cutting, size: [usize; 2]) -> Vec<Item> {
        let mask = Array2::from_shape_fn(size, |(r, c)| u16::from(r > 2 && c > 3));
        let image = Array3::from_shape_fn([3, size[0], size[1]], |(_, r, c)| f32::from(mask[[r, c]]));
        cutting.items(image, mask, &Source::of("a", None)).unwrap()
    }

    #[test]
    fn tiles_cover_the_image() {
        assert_eq!(starts(256, 112), [0, 72, 144]);
        assert_eq!((starts(112, 112), starts(50, 112)), (vec![0], vec![0]));
        let cutting = Cutting { tile: Some(8), ..Cutting::default() };
        let found = items(&cutting, [20, 8]);
        assert_eq!(
            found.iter().map(|i| i.source.name.as_str()).collect::<Vec<_>>(),
            ["a 0,0", "a 6,0", "a 12,0"]
        );
        assert!(found.iter().all(|i| i.sample.mask().dim() == (8, 8) && i.source.group == "a"));
        assert_eq!(items(&Cutting { tiles: Some(1), ..cutting.clone() }, [20, 8])[0].source.name, "a 6,0");
        assert_eq!(items(&cutting, [5, 6])[0].sample.mask().dim(), (5, 6));
    }

    #[test]
    fn sizes_and_squares() {
        let whole = &items(&Cutting::default(), [20, 10])[0];
        assert_eq!((whole.source.name.as_str(), whole.sample.mask().dim()), ("a", (20, 10)));
        let small = &items(&Cutting { max_side: Some(10), ..Cutting::default() }, [20, 10])[0];
        assert_eq!(small.sample.image().dim(), (3, 10, 5));
        let square = &items(&Cutting { square: true, ..Cutting::default() }, [20, 10])[0];
        assert_eq!(square.sample.mask().dim(), (20, 20));
        assert_eq!(square.sample.mask().iter().map(|c| usize::from(*c)).sum::<usize>(), 17 * 6);
        let wrong =
            Cutting::default().items(Array3::zeros([3, 4, 4]), Array2::zeros([4, 5]), &Source::of("a", None));
        assert!(matches!(
            wrong,
            Err(crate::Error::Segmentation(medprompt::Error::Shape { what: "mask", .. }))
        ));
    }
}
