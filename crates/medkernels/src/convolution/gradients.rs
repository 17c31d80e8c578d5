//! Gradients of convolutions.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::conv2d::{Conv2d, FEW_PIXELS, convolve};
use super::patches::{Patches, TransposedPatches};
use crate::gemm::raw::{KernelSet, Left, RawMatrix, multiply, pack};
use crate::gemm::{Epilogue, Matrix, gemm};
use crate::sizes::product;

/// Pixels of an output from which on each image has a product of its own in the gradient of the weight: it is deep enough.
const MANY_PIXELS: usize = 500;
/// Values that the kernel sees from which on they leave the caches: they are gathered, and never all there at once.
const MANY_VALUES: usize = 1 << 20;

/// The gradient of the input of [`conv2d`](super::conv2d).
///
/// # Shapes
/// - `gradient`: `[batch, outputs, height, width]`, that of the output; `weight` as there
/// - `to`: `[batch, channels, height, width]`, that of the input
///
/// # Panics
/// When the lengths do not fit each other.
pub fn conv2d_input_gradient(gradient: &[f32], weight: &[f32], sizes: &Conv2d, to: &mut [f32]) {
    let Some(problem) = Problem::new(to.len(), gradient.len(), weight.len(), sizes) else {
        return to.fill(0.0);
    };
    let Problem { depth, outputs, pixels, image } = problem;
    let plain = Matrix::new(weight, outputs, depth);
    if sizes.is_pointwise() {
        let turned = Conv2d { channels: outputs, ..*sizes };
        return convolve(gradient, plain.transposed(), &turned, &Epilogue::default(), to);
    }
    let gathered = pixels < FEW_PIXELS || depth * pixels >= MANY_VALUES;
    if let Some(turned) = turned(sizes, outputs).filter(|_| gathered) {
        let weight = turned_weight(weight, [outputs, sizes.channels, depth / sizes.channels]);
        let weight = Matrix::new(&weight, sizes.channels, turned.depth());
        return convolve(gradient, weight, &turned, &Epilogue::default(), to);
    }
    let mut columns = vec![0.0; depth * pixels];
    for (gradient, to) in gradient.chunks_exact(outputs * pixels).zip(to.chunks_exact_mut(image)) {
        gemm(plain.transposed(), Matrix::new(gradient, outputs, pixels), &Epilogue::default(), &mut columns);
        let taps = depth / sizes.channels * pixels;
        let channel = sizes.size[0] * sizes.size[1];
        let patches = Patches::of(sizes);
        to.par_chunks_mut(channel).zip(columns.par_chunks(taps)).for_each(|(to, columns)| {
            to.fill(0.0);
            patches.add_channel(columns, to);
        });
    }
}

/// The convolution of the gradient of the output that gives that of the input, where every pixel is a step.
fn turned(sizes: &Conv2d, outputs: usize) -> Option<Conv2d> {
    let padding =
        |axis: usize| (sizes.dilation[axis] * (sizes.kernel[axis] - 1)).checked_sub(sizes.padding[axis]);
    let padding = [padding(0)?, padding(1)?];
    (sizes.stride == [1, 1]).then(|| Conv2d {
        channels: outputs,
        size: sizes.output_size(),
        padding,
        ..*sizes
    })
}

/// `[outputs, channels, taps]` to `[channels, outputs, taps]`, taps in reverse.
fn turned_weight(weight: &[f32], [outputs, channels, taps]: [usize; 3]) -> Vec<f32> {
    let mut turned = vec![0.0; weight.len()];
    turned.par_chunks_mut(outputs * taps).enumerate().for_each(|(channel, turned)| {
        for (output, to) in turned.chunks_exact_mut(taps).enumerate() {
            let from = &weight[(output * channels + channel) * taps..][..taps];
            to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
        }
    });
    turned
}

/// The gradient of the weight of [`conv2d`](super::conv2d), summed over the batch.
///
/// # Shapes
/// - `input` as there; `gradient`: `[batch, outputs, height, width]`, that of the output
/// - `to`: `[outputs, channels, kernel height, kernel width]`, that of the weight
///
/// # Panics
/// When the lengths do not fit each other.
pub fn conv2d_weight_gradient(input: &[f32], gradient: &[f32], sizes: &Conv2d, to: &mut [f32]) {
    let Some(problem) = Problem::new(input.len(), gradient.len(), to.len(), sizes) else {
        return to.fill(0.0);
    };
    let Problem { depth, outputs, pixels, image } = problem;
    let batch = input.len() / image;
    if pixels < MANY_PIXELS {
        // One product of all images, whose depth are their pixels.
        let patches = TransposedPatches(Patches::new(input, sizes.flat()));
        let gradient = Planes { values: gradient, rows: outputs, pixels };
        // SAFETY: both are as long as the sizes say.
        unsafe {
            multiply(&gradient, &patches, [outputs, batch * pixels, depth], &Epilogue::default(), to);
        };
        return;
    }
    let mut sum = vec![0.0; if batch > 1 { to.len() } else { 0 }];
    for (index, (input, gradient)) in
        input.chunks_exact(image).zip(gradient.chunks_exact(outputs * pixels)).enumerate()
    {
        let epilogue = Epilogue { residual: (index > 0).then_some(&*sum), ..Epilogue::default() };
        let gradient = Matrix::new(gradient, outputs, pixels);
        if sizes.is_pointwise() {
            gemm(gradient, Matrix::new(input, depth, pixels).transposed(), &epilogue, to);
        } else {
            // SAFETY: the input is as long as the sizes say.
            unsafe {
                let patches = TransposedPatches(Patches::new(input, *sizes));
                multiply(&gradient, &patches, [outputs, pixels, depth], &epilogue, to);
            };
        }
        if index + 1 < batch {
            sum.copy_from_slice(to);
        }
    }
}

/// The matrix `[rows, batch * pixels]` of images `[batch, rows, pixels]`.
struct Planes<'a> {
    values: &'a [f32],
    rows: usize,
    pixels: usize,
}

impl Left for Planes<'_> {
    unsafe fn pack(
        &self,
        kernels: &KernelSet,
        (first, k): (usize, usize),
        [rows, depth]: [usize; 2],
        to: *mut f32,
    ) {
        let (image, pixel) = (k / self.pixels, k % self.pixels);
        let plane = |image: usize, row: usize| {
            &self.values[(image * self.rows + first + row) * self.pixels..][..self.pixels]
        };
        // SAFETY: the caller vouches for the block, which lies in one image, or is laid out in `block`.
        unsafe {
            if pixel + depth <= self.pixels {
                let data = self.values.as_ptr().add((image * self.rows + first) * self.pixels + pixel);
                let from = RawMatrix { data, row_stride: self.pixels, column_stride: 1 };
                return pack::left(kernels, from, (0, 0), [rows, depth], to);
            }
            let mut block = Vec::with_capacity(rows * depth);
            for row in 0..rows {
                let (mut image, mut pixel, mut rest) = (image, pixel, depth);
                while rest > 0 {
                    let length = rest.min(self.pixels - pixel);
                    block.extend_from_slice(&plane(image, row)[pixel..pixel + length]);
                    (image, pixel, rest) = (image + 1, 0, rest - length);
                }
            }
            let from = RawMatrix { data: block.as_ptr(), row_stride: depth, column_stride: 1 };
            pack::left(kernels, from, (0, 0), [rows, depth], to);
        }
    }
}

struct Problem {
    depth: usize,
    outputs: usize,
    pixels: usize,
    image: usize,
}

impl Problem {
    /// `None` where a factor is empty.
    fn new(input: usize, gradient: usize, weight: usize, sizes: &Conv2d) -> Option<Self> {
        sizes.check();
        let (depth, pixels, image) = (sizes.depth(), sizes.pixels(), sizes.image());
        if input == 0 || gradient == 0 || weight == 0 || pixels == 0 {
            return None;
        }
        assert!(weight.is_multiple_of(depth), "{weight} weights of kernels of {depth}");
        assert!(input.is_multiple_of(image), "{input} values of images of {image}");
        let outputs = weight / depth;
        assert_eq!(
            gradient,
            product(&[input / image, outputs, pixels]),
            "values of the gradient of the output"
        );
        Some(Self { depth, outputs, pixels, image })
    }
}
