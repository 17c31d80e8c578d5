//! Where a kernel looks, in images whose channels lie next to each other.

use std::ops::Range;

use super::conv2d::Conv2d;
use crate::sizes::product;

/// Sizes of a convolution, or of a pooling, with those of its output.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) sizes: Conv2d,
    pub(super) output: [usize; 2],
}

impl Window {
    /// # Panics
    /// When a kernel size, stride or dilation is 0.
    pub(super) fn new(sizes: &Conv2d) -> Self {
        sizes.check();
        Self { sizes: *sizes, output: sizes.output_size() }
    }

    /// Values of an image.
    pub(super) fn image(&self) -> usize {
        self.sizes.image()
    }

    /// Number of images, height and width of the output, which has as many channels as the input.
    ///
    /// # Panics
    /// When input and output do not fit each other.
    pub(super) fn check(&self, input: &[f32], output: &[f32]) -> [usize; 3] {
        let images = input.len().checked_div(self.image()).unwrap_or(0);
        assert_eq!(input.len(), images * self.image(), "values of the input, of images of {}", self.image());
        let [height, width] = self.output;
        assert_eq!(
            output.len(),
            product(&[images, height, width, self.sizes.channels]),
            "values of the output"
        );
        [images, height, width]
    }

    /// The taps along an axis that see pixels, from a place of the output.
    pub(super) fn inside(&self, axis: usize, place: usize) -> Range<usize> {
        let Conv2d { size, kernel, stride, padding, dilation, .. } = self.sizes;
        let (origin, step) = (place * stride[axis], dilation[axis]);
        let first = padding[axis].saturating_sub(origin).div_ceil(step).min(kernel[axis]);
        let end = (size[axis] + padding[axis]).saturating_sub(origin).div_ceil(step).min(kernel[axis]);
        first..end.max(first)
    }

    /// The columns of the output from which all taps of a row see pixels.
    pub(super) fn whole_columns(&self) -> Range<usize> {
        let all = |&column: &usize| self.inside(1, column).len() == self.sizes.kernel[1];
        let first = (0..self.output[1]).find(all).unwrap_or(self.output[1]);
        let end = (first..self.output[1]).rev().find(all).map_or(first, |last| last + 1);
        first..end
    }

    /// Where in the image the pixel is that a tap sees, which must be inside.
    pub(super) const fn at(&self, place: [usize; 2], tap: [usize; 2]) -> usize {
        let Conv2d { channels, size, stride, padding, dilation, .. } = self.sizes;
        let row = place[0] * stride[0] + tap[0] * dilation[0] - padding[0];
        let column = place[1] * stride[1] + tap[1] * dilation[1] - padding[1];
        (row * size[1] + column) * channels
    }
}
