//! Convolution of images whose channels lie next to each other, by weights that are packed once.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use super::conv2d::Conv2d;
use super::winograd::{self, FilteredWeights, TileSize};
use crate::gemm::raw::{KernelSet, Left, Rows, block_depth, multiply};
use crate::gemm::{Epilogue, Matrix, PackedMatrix};
use crate::sizes::product;
use crate::threads::{Shared, for_each};

/// Channels below which the image is copied into one with its padding, so that all taps of a row of the kernel lie next to each other.
const FEW_CHANNELS: usize = 16;
/// Values of a run from which on its address is less than they are, also where a block of the depth has but a part of it.
const LONG_RUN: usize = 8;
/// The most rows of a tile, of any instruction set.
const MOST_ROWS: usize = 16;

/// The weights of a convolution as its product reads them: `[kernel height * kernel width * channels, outputs]`.
///
/// A kernel of 3 x 3 is transformed for fewer products when it is first used with images for which that pays, once for small
/// maps and once for large ones, and these weights are kept beside the others.
#[derive(Debug, Clone)]
pub struct PackedConv2d {
    matrix: PackedMatrix,
    channels: usize,
    kernel: [usize; 2],
    /// For tiles of two and of four outputs.
    filtered: [OnceLock<FilteredWeights>; 2],
    used_once: bool,
}

impl PackedConv2d {
    /// Packs weights `[outputs, channels, kernel height, kernel width]`.
    ///
    /// # Panics
    /// When there are not as many.
    pub fn new(weight: &[f32], [outputs, channels, height, width]: [usize; 4]) -> Self {
        let taps = height * width;
        assert_eq!(weight.len(), outputs * channels * taps, "weights of a convolution");
        let kernel = [height, width];
        if taps == 1 {
            let matrix = PackedMatrix::new(Matrix::new(weight, outputs, channels).transposed());
            return Self { matrix, channels, kernel, filtered: Default::default(), used_once: false };
        }
        let mut last = vec![0.0; weight.len()];
        for (weight, last) in
            weight.chunks_exact((channels * taps).max(1)).zip(last.chunks_exact_mut((channels * taps).max(1)))
        {
            for (index, &value) in weight.iter().enumerate() {
                last[index % taps * channels + index / taps] = value;
            }
        }
        let matrix = PackedMatrix::new(Matrix::new(&last, outputs, channels * taps).transposed());
        Self { matrix, channels, kernel, filtered: Default::default(), used_once: false }
    }

    /// The same for a single use, to which transforming the weights would not pay.
    #[must_use]
    pub fn used_once(self) -> Self {
        Self { used_once: true, ..self }
    }

    /// Writes the weights as they were given.
    ///
    /// # Panics
    /// When `to` is not as long.
    pub fn unpack(&self, to: &mut [f32]) {
        let (taps, depth, outputs) = (self.kernel[0] * self.kernel[1], self.matrix.rows(), self.outputs());
        let mut matrix = vec![0.0; to.len()];
        self.matrix.unpack(&mut matrix);
        for (index, to) in to.iter_mut().enumerate() {
            let (output, at) = (index / depth, index % depth);
            *to = matrix[(at % taps * self.channels + at / taps) * outputs + output];
        }
    }

    /// Number of output channels.
    pub const fn outputs(&self) -> usize {
        self.matrix.columns()
    }

    /// Whether convolutions on this thread can take it as it is.
    pub fn is_current(&self) -> bool {
        self.matrix.is_current()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let filtered = self.filtered.iter().filter_map(OnceLock::get).map(FilteredWeights::bytes);
        self.matrix.bytes() + filtered.sum::<usize>()
    }

    /// The transformed weights, where these sizes gain by them.
    fn filtered(&self, sizes: &Conv2d) -> Option<&FilteredWeights> {
        if self.used_once || !self.is_current() {
            return None;
        }
        let size = TileSize::paying(sizes, self.outputs())?;
        let slot = &self.filtered[usize::from(size == TileSize::Four)];
        if slot.get().is_none() {
            // Made outside of the lock: while its threads are waited for, this one may be given another image, and come here again. Who is
            // first is kept; all make the same.
            let _ = slot.set(FilteredWeights::new(&self.matrix, self.channels, size));
        }
        slot.get()
    }
}

/// [`conv2d`](super::conv2d) of images with their channels last, all images in one product.
///
/// A kernel of 3 x 3 with stride and dilation 1 is applied to maps from 13 x 13 on by fewer products ("minimal filtering"), where there are 16
/// channels and outputs or more. Outputs are then within 3e-6 of the largest of them, mostly within 1e-6.
/// What is not finite stays with the outputs that see it: those near it are made by the plain product.
///
/// # Shapes
/// - `input`: `[batch, height, width, channels]`; `output`: `[batch, height, width, outputs]`, by [`Conv2d::output_size`]
/// - of the epilogue, `bias` and `scale` are `[outputs]` and `residual` has the shape of `output`; `row_bias` must be absent
///
/// # Panics
/// When the lengths do not fit each other, or a kernel size, stride or dilation is 0.
pub fn conv2d_channels_last(
    input: &[f32],
    weight: &PackedConv2d,
    sizes: &Conv2d,
    epilogue: &Epilogue<'_>,
    output: &mut [f32],
) {
    sizes.check();
    assert_eq!((weight.channels, weight.kernel), (sizes.channels, sizes.kernel), "sizes of the weights");
    assert!(epilogue.row_bias.is_none(), "pixels have no bias");
    let (image, pixels) = (sizes.image(), sizes.pixels());
    let batch = input.len().checked_div(image).unwrap_or(0);
    assert_eq!(input.len(), batch * image, "values of the input, of images of {image}");
    let [rows, depth, columns] = [product(&[batch, pixels]), sizes.depth(), weight.outputs()];
    if sizes.is_pointwise() {
        let pixels = Matrix::new(input, rows, depth);
        // SAFETY: the view was checked.
        return unsafe { multiply(&pixels, &weight.matrix, [rows, depth, columns], epilogue, output) };
    }
    if let Some(filtered) = weight.filtered(sizes) {
        assert_eq!(output.len(), product(&[rows, columns]), "values of a {rows} x {columns} product");
        epilogue.check(rows, columns);
        // SAFETY: the weights are for these instructions, and the lengths were checked.
        let spoilt = unsafe { winograd::convolve(input, filtered, sizes, epilogue, output) };
        let pixels = Pixels::new(input, *sizes);
        return again(&pixels, weight, &spoilt, epilogue, output);
    }
    let padded;
    let pixels = if sizes.padding != [0, 0] && sizes.channels < FEW_CHANNELS {
        padded = with_padding(input, sizes);
        let [height, width] = std::array::from_fn(|axis| sizes.size[axis] + 2 * sizes.padding[axis]);
        Pixels::new(&padded, Conv2d { size: [height, width], padding: [0, 0], ..*sizes })
    } else {
        Pixels::new(input, *sizes)
    };
    // SAFETY: the input is as long as the sizes say.
    unsafe { multiply(&pixels, &weight.matrix, [rows, depth, columns], epilogue, output) };
}

/// Makes runs of outputs again, by the plain product.
fn again(
    pixels: &Pixels<'_>,
    weight: &PackedConv2d,
    runs: &[(usize, usize)],
    epilogue: &Epilogue<'_>,
    output: &mut [f32],
) {
    let columns = weight.outputs();
    for &(first, count) in runs {
        let values = first * columns..(first + count) * columns;
        let epilogue =
            Epilogue { residual: epilogue.residual.map(|residual| &residual[values.clone()]), ..*epilogue };
        let size = [count, pixels.sizes.depth(), columns];
        // SAFETY: the input is as long as the sizes say, and the outputs lie in the image.
        unsafe { multiply(&After { pixels, first }, &weight.matrix, size, &epilogue, &mut output[values]) };
    }
}

/// Images with zeros around them.
fn with_padding(input: &[f32], sizes: &Conv2d) -> Vec<f32> {
    let Conv2d { channels, size: [height, width], padding: [above, before], .. } = *sizes;
    let [tall, wide] = [height + 2 * above, width + 2 * before];
    let images = input.len() / (channels * height * width).max(1);
    let mut padded = vec![0.0; images * tall * wide * channels];
    let to = Shared(padded.as_mut_ptr());
    for_each(images, |image| {
        for row in 0..height {
            let from = &input[(image * height + row) * width * channels..][..width * channels];
            // SAFETY: each row of each image has a place of its own.
            unsafe {
                let to = to.at(((image * tall + row + above) * wide + before) * channels);
                std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len());
            }
        }
    });
    padded
}

/// The matrix `[output pixels, kernel height * kernel width * channels]` of what the kernel sees, which is only ever made block by block.
struct Pixels<'a> {
    input: &'a [f32],
    sizes: Conv2d,
    output: [usize; 2],
    /// Values that lie next to each other, and how many such runs there are along a row of the kernel.
    run: usize,
    runs: usize,
    /// As many zeros as a run, for what is beyond the image.
    zeros: Vec<f32>,
}

impl<'a> Pixels<'a> {
    fn new(input: &'a [f32], sizes: Conv2d) -> Self {
        let (run, runs) = if sizes.padding == [0, 0] && sizes.dilation[1] == 1 {
            (sizes.channels * sizes.kernel[1], 1)
        } else {
            (sizes.channels, sizes.kernel[1])
        };
        Self { input, sizes, output: sizes.output_size(), run, runs, zeros: vec![0.0; run] }
    }

    /// Whether addresses of runs are packed instead of their values: "indirect convolution", after Dukhan (arXiv 1907.02129).
    const fn in_place(&self, kernels: &KernelSet) -> bool {
        // A block of the depth has room for its values. Both its ends may cut a run to a single value: two addresses are as large as four.
        let depth = self.sizes.depth();
        let last = depth % block_depth(depth);
        kernels.reads_in_place() && self.run >= LONG_RUN && (last == 0 || last >= 4)
    }

    /// Image, and row and column in it before the padding is taken off, of the first tap of an output.
    fn origin(&self, pixel: usize) -> [usize; 3] {
        let [height, width] = self.output;
        let (image, row, column) = (pixel / (height * width), pixel / width % height, pixel % width);
        [image, row * self.sizes.stride[0], column * self.sizes.stride[1]]
    }

    /// The values of a run that an output sees.
    fn seen(&self, [image, row, column]: [usize; 3], run: usize) -> &[f32] {
        let Conv2d { channels, size: [height, width], padding, dilation, .. } = self.sizes;
        let row = (row + run / self.runs * dilation[0]).wrapping_sub(padding[0]);
        let column = (column + run % self.runs * dilation[1]).wrapping_sub(padding[1]);
        if row >= height || column >= width {
            return &self.zeros;
        }
        &self.input[((image * height + row) * width + column) * channels..][..self.run]
    }
}

/// The rows of a matrix of pixels from one on.
struct After<'a> {
    pixels: &'a Pixels<'a>,
    first: usize,
}

impl Left for After<'_> {
    fn rows(&self, kernels: &KernelSet, height: usize, from: usize, depth: usize) -> Rows {
        self.pixels.rows(kernels, height, from, depth)
    }

    unsafe fn pack(&self, kernels: &KernelSet, (row, from): (usize, usize), size: [usize; 2], to: *mut f32) {
        // SAFETY: the same contract.
        unsafe { self.pixels.pack(kernels, (row + self.first, from), size, to) };
    }
}

impl Left for Pixels<'_> {
    fn rows(&self, kernels: &KernelSet, height: usize, from: usize, depth: usize) -> Rows {
        if self.in_place(kernels) {
            Rows::Runs { first: self.run - from % self.run, run: self.run }
        } else {
            kernels.packed_rows(height, depth)
        }
    }

    unsafe fn pack(
        &self,
        kernels: &KernelSet,
        (row, from): (usize, usize),
        [rows, depth]: [usize; 2],
        to: *mut f32,
    ) {
        let (tile, in_place) = (kernels.rows(), self.in_place(kernels));
        let addresses = (from % self.run + depth).div_ceil(self.run);
        assert!(
            !in_place || addresses * size_of::<*const f32>() <= depth * size_of::<f32>(),
            "room for addresses"
        );
        for first in (0..rows).step_by(tile) {
            let height = tile.min(rows - first);
            let mut origins = [[0; 3]; MOST_ROWS];
            for (index, origin) in origins[..height].iter_mut().enumerate() {
                *origin = self.origin(row + first + index);
            }
            // SAFETY: the caller vouches for the room.
            let panel = unsafe { to.add(first * depth) };
            let mut addresses = panel.cast::<*const f32>();
            let mut done = 0;
            while done < depth {
                let (run, at) = ((from + done) / self.run, (from + done) % self.run);
                let length = (self.run - at).min(depth - done);
                let mut seen = [self.zeros.as_ptr(); MOST_ROWS];
                for (seen, origin) in seen.iter_mut().zip(&origins[..height]) {
                    *seen = self.seen(*origin, run)[at..at + length].as_ptr();
                }
                // SAFETY: each of the slices is as long; addresses take less room than the values.
                unsafe {
                    if in_place {
                        for (index, &seen) in seen[..height].iter().enumerate() {
                            addresses.add(index).write_unaligned(seen);
                        }
                        addresses = addresses.add(height);
                    } else {
                        (kernels.gather)(&seen[..height], panel, [done, depth], length);
                    }
                }
                done += length;
            }
        }
    }
}
