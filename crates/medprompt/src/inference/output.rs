//! What a segmenter says.

use medcore::{Geometry, Image, LabelMap, PixelSpacing, Volume};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, Zip};

use crate::error::{Result, config};

/// Class probabilities of an image, with its geometry.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    probabilities: Array3<f32>,
    spacing: Option<PixelSpacing>,
    geometry: Option<Geometry>,
}

impl Segmentation {
    pub(super) const fn new(
        probabilities: Array3<f32>,
        spacing: Option<PixelSpacing>,
        geometry: Option<Geometry>,
    ) -> Self {
        Self { probabilities, spacing, geometry }
    }

    /// Probabilities `[class, row, column]`, the background first; those of a pixel sum to 1.
    pub fn probabilities(&self) -> ArrayView3<'_, f32> {
        self.probabilities.view()
    }

    /// The probability `[row, column]` of one class, if there is one of this index.
    pub fn probability(&self, class: usize) -> Option<ArrayView2<'_, f32>> {
        (class < self.probabilities.dim().0).then(|| self.probabilities.index_axis(Axis(0), class))
    }

    /// The most probable class `[row, column]`; the smaller one where two are equal.
    pub fn labels(&self) -> Array2<u16> {
        classes(self.probabilities(), None)
    }

    /// The most probable class but the background `[row, column]` where the probability of the foreground, 1 less that of the background,
    /// is at least `threshold`; 0 elsewhere.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a threshold outside of 0 to 1.
    pub fn labels_above(&self, threshold: f32) -> Result<Array2<u16>> {
        check_threshold(Some(threshold))?;
        Ok(classes(self.probabilities(), Some(threshold)))
    }

    /// 1 less the probability of the background `[row, column]`.
    pub fn foreground(&self) -> Array2<f32> {
        self.probabilities.index_axis(Axis(0), 0).mapv(|background| 1.0 - background)
    }

    /// [`labels`](Self::labels) as an image with spacing and geometry of the input.
    ///
    /// # Errors
    /// [`Error::Image`](crate::Error::Image), which a geometry that came with an image of this size does not give.
    pub fn label_image(&self) -> Result<Image<u16>> {
        self.place(Image::grey(self.labels())?)
    }

    /// [`probabilities`](Self::probabilities) as an image with a channel per class, with spacing and geometry of the input.
    ///
    /// # Errors
    /// As [`label_image`](Self::label_image).
    pub fn probability_image(&self) -> Result<Image<f32>> {
        self.place(Image::new(self.probabilities.clone())?)
    }

    fn place<T: medcore::Scalar>(&self, mut image: Image<T>) -> Result<Image<T>> {
        if let Some(spacing) = self.spacing {
            image = image.with_spacing(spacing)?;
        }
        Ok(match self.geometry {
            Some(geometry) => image.with_geometry(geometry)?,
            None => image,
        })
    }
}

/// Labels of a volume, with the probability of the foreground.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeSegmentation {
    /// The most probable class of every voxel, cleaned up.
    pub labels: LabelMap,
    /// 1 less the probability of the background, before any clean-up; where
    /// [`VolumeOptions::keep_foreground`](super::VolumeOptions::keep_foreground) asks for it.
    pub foreground: Option<Volume<f32>>,
}

/// [`Error::Config`](crate::Error::Config) for a threshold outside of 0 to 1.
pub(super) fn check_threshold(threshold: Option<f32>) -> Result<()> {
    match threshold {
        Some(found) if !(0.0..=1.0).contains(&found) => Err(config("threshold", "0 to 1", found)),
        _ => Ok(()),
    }
}

/// The class of each pixel of probabilities `[class, row, column]`.
pub(super) fn classes(probabilities: ArrayView3<'_, f32>, threshold: Option<f32>) -> Array2<u16> {
    let (classes, height, width) = probabilities.dim();
    let background = probabilities.index_axis(Axis(0), 0);
    // The class that has the largest probability so far, and how much that is.
    let mut labels = Array2::<u16>::zeros((height, width));
    let mut best = match threshold {
        // Any class is more probable than none.
        Some(_) => Array2::from_elem((height, width), f32::NEG_INFINITY),
        None => background.to_owned(),
    };
    for class in 1..classes {
        let probability = probabilities.index_axis(Axis(0), class);
        Zip::from(&mut labels).and(&mut best).and(&probability).for_each(|label, best, &p| {
            if p > *best {
                (*label, *best) = (class as u16, p);
            }
        });
    }
    if let Some(threshold) = threshold {
        labels.zip_mut_with(&background, |label, background| {
            if 1.0 - background < threshold {
                *label = 0;
            }
        });
    }
    labels
}
