//! Images with their truth.

use burn::tensor::{Device, Tensor, TensorData};
use medcore::Scalar;
use ndarray::{Array2, Array3, ArrayView3};

use crate::error::{Error, Result, shape};

/// A colour image and the class of every pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    image: Array3<f32>,
    mask: Array2<u16>,
}

impl Sample {
    /// Of an image `[3, row, column]` from 0 to 1, and classes `[row, column]`, 0 being the background.
    ///
    /// # Errors
    /// [`Error::Shape`] on another number of channels, an empty image, or a mask of another size; [`Error::NotFinite`].
    pub fn new(image: Array3<f32>, mask: Array2<u16>) -> Result<Self> {
        let (channels, height, width) = image.dim();
        if channels != 3 || height == 0 || width == 0 {
            return Err(shape("image", "[3, height > 0, width > 0]", image.shape()));
        }
        if mask.dim() != (height, width) {
            return Err(shape("mask", format!("[{height}, {width}], as the image"), mask.shape()));
        }
        check_finite(image.view())?;
        Ok(Self { image, mask })
    }

    /// The image `[3, row, column]`.
    pub const fn image(&self) -> &Array3<f32> {
        &self.image
    }

    /// The classes `[row, column]`.
    pub const fn mask(&self) -> &Array2<u16> {
        &self.mask
    }

    /// Image and mask.
    pub fn into_parts(self) -> (Array3<f32>, Array2<u16>) {
        (self.image, self.mask)
    }

    /// Of parts that fit each other by construction.
    pub(super) const fn from_parts(image: Array3<f32>, mask: Array2<u16>) -> Self {
        Self { image, mask }
    }
}

/// Several samples of one size on a device.
#[derive(Debug, Clone)]
pub struct Batch {
    /// From 0 to 1: `[batch, 3, height, width]`.
    pub images: Tensor<4>,
    /// 1 where a pixel is of a class: `[batch, channels, height, width]`, channels as those of the logits.
    pub targets: Tensor<4>,
}

impl Batch {
    /// Of samples, for a model whose logits have `channels` channels.
    ///
    /// With one channel, class 1 is the foreground and 0 the background.
    ///
    /// # Errors
    /// [`Error::Shape`] for no sample, and for samples of several sizes; [`Error::Class`] for a class that the model does not have.
    pub fn new(samples: &[Sample], channels: usize, device: &Device) -> Result<Self> {
        let Some(first) = samples.first() else { return Err(shape("samples", "at least one", &[0])) };
        let (height, width) = first.mask.dim();
        let classes = channels.max(2);
        let (mut pixels, mut targets) = (Vec::new(), vec![0.0f32; samples.len() * channels * height * width]);
        let size = height * width;
        for (sample, lane) in samples.iter().zip(targets.chunks_exact_mut((channels * size).max(1))) {
            if sample.mask.dim() != (height, width) {
                let expected = format!("[{height}, {width}], as the first sample");
                return Err(shape("samples", expected, sample.mask.shape()));
            }
            pixels.extend(sample.image.iter().copied());
            for (at, &class) in sample.mask.iter().enumerate() {
                let class = usize::from(class);
                if class >= classes {
                    return Err(Error::Class { classes, found: class });
                }
                match (channels, class) {
                    (1, class) => lane[at] = class as f32,
                    (_, class) => lane[class * size + at] = 1.0,
                }
            }
        }
        let tensor = |values, channels| {
            Tensor::from_data(TensorData::new(values, [samples.len(), channels, height, width]), device)
        };
        Ok(Self { images: tensor(pixels, 3), targets: tensor(targets, channels) })
    }

    /// The targets with a channel for the background too where foreground alone has one: `[batch, classes, height, width]`.
    pub(super) fn labels(&self) -> Tensor<4> {
        if self.targets.dims()[1] > 1 {
            return self.targets.clone();
        }
        Tensor::cat(vec![self.targets.clone().neg() + 1.0, self.targets.clone()], 1)
    }
}

/// [`Error::NotFinite`] for the first pixel that is not, of `[channel, row, column]`.
pub(crate) fn check_finite<T: Scalar>(image: ArrayView3<'_, T>) -> Result<()> {
    match image.indexed_iter().find(|(_, v)| !v.to_f32().is_finite()) {
        Some(((channel, row, column), found)) => {
            Err(Error::NotFinite { found: found.to_f32(), channel, row, column })
        }
        None => Ok(()),
    }
}
