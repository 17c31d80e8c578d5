//! Two-dimensional convolution.
#![allow(unsafe_code)]

use super::patches::Patches;
use crate::gemm::raw::multiply;
use crate::gemm::{Epilogue, Matrix, gemm};
use crate::sizes::product;

/// Sizes of a convolution, in rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Channels of the input.
    pub channels: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps between outputs.
    pub stride: [usize; 2],
    /// Zeros before and after each axis.
    pub padding: [usize; 2],
    /// Steps between taps of the kernel.
    pub dilation: [usize; 2],
}

impl Conv2d {
    /// Height and width of the output; 0 where the kernel is larger than the padded input.
    pub fn output_size(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let padded = self.size[axis] + 2 * self.padding[axis];
            if padded < reach { 0 } else { (padded - reach) / self.stride[axis] + 1 }
        })
    }

    /// # Panics
    /// When a kernel size, stride or dilation is 0.
    pub(super) fn check(&self) {
        assert!(
            [self.kernel, self.stride, self.dilation].concat().iter().all(|&n| n > 0),
            "kernel, stride and dilation of {self:?}"
        );
    }

    /// Values that a kernel sees.
    pub(super) const fn depth(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Values of an image.
    ///
    /// # Panics
    /// When they are too many to count.
    pub(super) fn image(&self) -> usize {
        product(&[self.channels, self.size[0], self.size[1]])
    }

    /// Pixels of an output.
    ///
    /// # Panics
    /// When they are too many to count.
    pub(super) fn pixels(&self) -> usize {
        product(&self.output_size())
    }

    /// Whether each output sees one pixel, and all are seen.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }
}

/// Convolution (cross-correlation, as networks call it) of a batch of images, with what follows it. The patches that the kernel sees are
/// gathered block by block while multiplying, never all at once.
///
/// # Shapes
/// - `input`: `[batch, channels, height, width]`; `weight`: `[outputs, channels, kernel height, kernel width]`
/// - `output`: `[batch, outputs, height, width]`, by [`Conv2d::output_size`]
/// - of the epilogue, `row_bias` is `[outputs]` and `residual` has the shape of `output`; `bias` and `scale` must be absent
///
/// # Panics
/// When the lengths do not fit each other, or a kernel size, stride or dilation is 0.
pub fn conv2d(input: &[f32], weight: &[f32], sizes: &Conv2d, epilogue: &Epilogue<'_>, output: &mut [f32]) {
    sizes.check();
    assert!(
        epilogue.bias.is_none() && epilogue.scale.is_none(),
        "columns of a convolution have no bias or scale"
    );
    let (depth, image, pixels) = (sizes.depth(), sizes.image(), sizes.pixels());
    if input.is_empty() || weight.is_empty() || pixels == 0 {
        assert!(output.is_empty(), "{} values of an empty output", output.len());
        return;
    }
    assert!(weight.len().is_multiple_of(depth), "{} weights of kernels of {depth}", weight.len());
    assert!(input.len().is_multiple_of(image), "{} values of images of {image}", input.len());
    let outputs = weight.len() / depth;
    assert_eq!(output.len(), product(&[input.len() / image, outputs, pixels]), "values of the output");
    let weight = Matrix::new(weight, outputs, depth);
    for (index, (input, output)) in
        input.chunks_exact(image).zip(output.chunks_exact_mut(outputs * pixels)).enumerate()
    {
        let residual = epilogue.residual.map(|r| &r[index * outputs * pixels..][..outputs * pixels]);
        let epilogue = Epilogue { residual, ..*epilogue };
        if sizes.is_pointwise() {
            gemm(weight, Matrix::new(input, depth, pixels), &epilogue, output);
        } else {
            // SAFETY: the input is as long as the sizes say.
            unsafe {
                multiply(&weight, &Patches::new(input, *sizes), [outputs, depth, pixels], &epilogue, output)
            };
        }
    }
}
