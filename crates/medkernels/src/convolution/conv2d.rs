//! Two-dimensional convolution.
#![allow(unsafe_code)]

use super::patches::Patches;
use crate::gemm::raw::{multiply, with_result_scratch};
use crate::gemm::{Epilogue, Matrix, gemm};
use crate::sizes::product;
use crate::threads::{Shared, for_each};

/// Pixels of an output below which products are of all images of a batch: of one alone they would have few columns.
pub(super) const FEW_PIXELS: usize = 100;

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

    /// The same convolution of images whose pixels lie in one row, where each output sees one pixel.
    pub(super) fn flat(&self) -> Self {
        if self.is_pointwise() { Self { size: [1, self.size[0] * self.size[1]], ..*self } } else { *self }
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
    convolve(input, Matrix::new(weight, outputs, depth), sizes, epilogue, output);
}

/// [`conv2d`] of lengths that have been checked, with a weight in any order.
pub(super) fn convolve(
    input: &[f32],
    weight: Matrix<'_>,
    sizes: &Conv2d,
    epilogue: &Epilogue<'_>,
    output: &mut [f32],
) {
    let (depth, image, pixels, outputs) = (sizes.depth(), sizes.image(), sizes.pixels(), weight.rows());
    let batch = input.len() / image;
    if pixels < FEW_PIXELS && batch > 1 && epilogue.residual.is_none() {
        return with_result_scratch(output.len(), |columns| {
            let patches = Patches::new(input, sizes.flat());
            // SAFETY: the input is as long as the sizes say.
            unsafe { multiply(&weight, &patches, [outputs, depth, batch * pixels], epilogue, columns) };
            apart(columns, [outputs, batch, pixels], output);
        });
    }
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

/// `[outputs, batch, pixels]` to `[batch, outputs, pixels]`.
fn apart(columns: &[f32], [outputs, batch, pixels]: [usize; 3], to: &mut [f32]) {
    let output = Shared(to.as_mut_ptr());
    for_each(batch, |image| {
        for index in 0..outputs {
            let from = &columns[(index * batch + image) * pixels..][..pixels];
            // SAFETY: both are as long as the product of the sizes, and each image has a place of its own.
            unsafe {
                let to = output.at((image * outputs + index) * pixels);
                std::ptr::copy_nonoverlapping(from.as_ptr(), to, pixels);
            }
        }
    });
}
