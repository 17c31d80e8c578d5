//! What a 2D encoder must offer to be run slice by slice.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use mednn::Vit;

/// What a 2D encoder says about a batch of slices.
#[derive(Debug, Clone)]
pub struct SliceFeatures {
    /// One embedding per slice `[batch, width]`.
    pub cls: Tensor<2>,
    /// One embedding per patch `[batch, rows * columns, width]`, row by row.
    pub patches: Tensor<3>,
    /// Rows and columns of patches.
    pub grid: [usize; 2],
}

/// A 2D image encoder that can be run on the slices of a study.
pub trait SliceEncoder: Module + ModuleDisplay {
    /// Width of the embeddings.
    fn width(&self) -> usize;
    /// Channels of the images; grey slices are repeated to as many.
    fn channels(&self) -> usize;
    /// The sides of the images must be multiples of this.
    fn side_multiple(&self) -> usize;
    /// Encodes images.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`, normalised
    ///
    /// # Panics
    /// On other shapes.
    fn forward_slices(&self, images: Tensor<4>) -> SliceFeatures;
}

impl SliceEncoder for Vit {
    fn width(&self) -> usize {
        Vit::width(self)
    }

    fn channels(&self) -> usize {
        Vit::channels(self)
    }

    fn side_multiple(&self) -> usize {
        self.patch_size()
    }

    fn forward_slices(&self, images: Tensor<4>) -> SliceFeatures {
        let output = self.forward(images);
        SliceFeatures { cls: output.cls(), patches: output.patches(), grid: output.grid() }
    }
}
