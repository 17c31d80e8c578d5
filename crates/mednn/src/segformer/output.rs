//! What a SegFormer says about a batch of images.

use burn::tensor::{Int, Tensor};

use crate::layers::resize_bilinear;

/// Logits of every class, at a quarter of the resolution of the images.
#[derive(Debug, Clone)]
pub struct SegformerOutput {
    logits: Tensor<4>,
    size: [usize; 2],
}

impl SegformerOutput {
    pub(super) const fn new(logits: Tensor<4>, size: [usize; 2]) -> Self {
        Self { logits, size }
    }

    /// Logits `[batch, classes, H/4, W/4]`, sides rounded up: transformers' `logits`.
    pub fn logits(&self) -> Tensor<4> {
        self.logits.clone()
    }

    /// Logits at the resolution of the images `[batch, classes, H, W]`, interpolated bilinearly.
    pub fn logits_at_input(&self) -> Tensor<4> {
        self.logits_at(self.size)
    }

    /// Logits `[batch, classes, rows, columns]` at another resolution, such as that of an image before it was resized for
    /// the model.
    pub fn logits_at(&self, size: [usize; 2]) -> Tensor<4> {
        resize_bilinear(self.logits.clone(), size)
    }

    /// The class of largest logit of each pixel of the images `[batch, H, W]`: transformers'
    /// `post_process_semantic_segmentation`.
    pub fn labels(&self) -> Tensor<3, Int> {
        self.labels_at(self.size)
    }

    /// As [`labels`](Self::labels), at another resolution `[batch, rows, columns]`.
    pub fn labels_at(&self, size: [usize; 2]) -> Tensor<3, Int> {
        self.logits_at(size).argmax(1).squeeze_dim(1)
    }

    /// Height and width of the images.
    pub const fn size(&self) -> [usize; 2] {
        self.size
    }
}
