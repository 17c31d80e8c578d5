//! What a segmenter says.

use medcore::{Geometry, Image, LabelMap, PixelSpacing, Volume};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3};

use crate::error::Result;

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
        (class < self.probabilities.dim().0).then(|| self.probabilities.index_axis(ndarray::Axis(0), class))
    }

    /// The most probable class `[row, column]`; the smaller one where two are equal.
    pub fn labels(&self) -> Array2<u16> {
        let (classes, height, width) = self.probabilities.dim();
        Array2::from_shape_fn((height, width), |(r, c)| {
            let best = |best: usize, k: usize| {
                if self.probabilities[[k, r, c]] > self.probabilities[[best, r, c]] { k } else { best }
            };
            (1..classes).fold(0, best) as u16
        })
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
    /// 1 less the probability of the background, before any clean-up.
    pub foreground: Volume<f32>,
}
