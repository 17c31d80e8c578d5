//! What a kernel sees, as the right-hand side of a product.
#![allow(unsafe_code)]

use super::conv2d::Conv2d;
use crate::gemm::raw::{KernelSet, Right};

/// The matrix `[channels * kernel height * kernel width, batch * output pixels]` of images ("im2col"), which is only ever made block by block.
pub(super) struct Patches<'a> {
    images: &'a [f32],
    sizes: Conv2d,
    output: [usize; 2],
}

impl<'a> Patches<'a> {
    pub(super) fn new(images: &'a [f32], sizes: Conv2d) -> Self {
        Self { images, sizes, output: sizes.output_size() }
    }
}

impl Patches<'static> {
    /// Without an image, for [`add_channel`](Patches::add_channel).
    pub(super) fn of(sizes: &Conv2d) -> Self {
        Self::new(&[], *sizes)
    }
}

/// Some output pixels of one row that lie next to each other.
#[derive(Clone, Copy)]
struct Run {
    /// First of them in the panel.
    at: usize,
    length: usize,
    image: usize,
    row: usize,
    column: usize,
}

impl Right for Patches<'_> {
    unsafe fn pack(
        &self,
        kernels: &KernelSet,
        start: (usize, usize),
        [depth, columns]: [usize; 2],
        to: *mut f32,
    ) {
        let panel = kernels.columns;
        let mut runs = Vec::with_capacity(panel);
        for first in (0..columns).step_by(panel) {
            let width = panel.min(columns - first);
            // SAFETY: the caller vouches for whole panels.
            let to = unsafe { std::slice::from_raw_parts_mut(to.add(first * depth), depth * panel) };
            self.runs(start.1 + first, width, &mut runs);
            let mut tap = self.tap(start.0);
            for row in to.chunks_exact_mut(panel) {
                row[width..].fill(0.0);
                for run in &runs {
                    self.fill(tap, run, &mut row[run.at..run.at + run.length]);
                }
                self.advance(&mut tap);
            }
        }
    }
}

/// The same matrix with rows and columns exchanged: `[batch * output pixels, channels * kernel height * kernel width]`.
pub(super) struct TransposedPatches<'a>(pub(super) Patches<'a>);

impl Right for TransposedPatches<'_> {
    unsafe fn pack(
        &self,
        kernels: &KernelSet,
        start: (usize, usize),
        [depth, columns]: [usize; 2],
        to: *mut f32,
    ) {
        let panel = kernels.columns;
        let mut runs = Vec::new();
        self.0.runs(start.0, depth, &mut runs);
        let mut rows = vec![0.0; panel * depth];
        let mut tap = self.0.tap(start.1);
        for first in (0..columns).step_by(panel) {
            let width = panel.min(columns - first);
            for row in rows.chunks_exact_mut(depth).take(width) {
                for run in &runs {
                    self.0.fill(tap, run, &mut row[run.at..run.at + run.length]);
                }
                self.0.advance(&mut tap);
            }
            rows[width * depth..].fill(0.0);
            // SAFETY: the caller vouches for whole panels; `rows` is one.
            unsafe { (kernels.transpose)(rows.as_ptr(), depth, to.add(first * depth), panel, panel, depth) };
        }
    }
}

/// A channel and a place in the kernel.
#[derive(Clone, Copy)]
struct Tap {
    channel: usize,
    row: usize,
    column: usize,
}

impl Patches<'_> {
    fn tap(&self, index: usize) -> Tap {
        let [height, width] = self.sizes.kernel;
        Tap { channel: index / (height * width), row: index / width % height, column: index % width }
    }

    fn advance(&self, tap: &mut Tap) {
        tap.column += 1;
        if tap.column == self.sizes.kernel[1] {
            (tap.column, tap.row) = (0, tap.row + 1);
            if tap.row == self.sizes.kernel[0] {
                (tap.row, tap.channel) = (0, tap.channel + 1);
            }
        }
    }

    /// The runs of `width` output pixels from `first` on.
    fn runs(&self, first: usize, width: usize, runs: &mut Vec<Run>) {
        runs.clear();
        let mut at = 0;
        while at < width {
            let [output_height, output_width] = self.output;
            let (row, column) = ((first + at) / output_width, (first + at) % output_width);
            let length = (output_width - column).min(width - at);
            runs.push(Run { at, length, image: row / output_height, row: row % output_height, column });
            at += length;
        }
    }

    /// The pixels that these outputs see through this tap; 0 beyond the image.
    fn fill(&self, tap: Tap, run: &Run, to: &mut [f32]) {
        let Conv2d { channels, size: [height, width], stride, .. } = self.sizes;
        let Some(Seen { row, before, inside, first }) = self.seen(tap, run) else {
            return to.fill(0.0);
        };
        to[..before].fill(0.0);
        to[inside..].fill(0.0);
        let plane = run.image * channels + tap.channel;
        let from = &self.images[(plane * height + row) * width..][first..width];
        let to = &mut to[before..inside];
        if stride[1] == 1 {
            to.copy_from_slice(&from[..to.len()]);
        } else {
            to.iter_mut().zip(from.iter().step_by(stride[1])).for_each(|(to, from)| *to = *from);
        }
    }

    /// Adds the values of all taps of a channel, `[kernel height * kernel width, output pixels]`, to the pixels that they see ("col2im").
    pub(super) fn add_channel(&self, columns: &[f32], channel: &mut [f32]) {
        let ([height, width], stride) = (self.output, self.sizes.stride[1]);
        let mut tap = self.tap(0);
        for column in columns.chunks_exact(height * width) {
            for (row, values) in column.chunks_exact(width).enumerate() {
                let run = Run { at: 0, length: width, image: 0, row, column: 0 };
                if let Some(seen) = self.seen(tap, &run) {
                    let to = &mut channel[seen.row * self.sizes.size[1]..][seen.first..self.sizes.size[1]];
                    let values = &values[seen.before..seen.inside];
                    if stride == 1 {
                        to.iter_mut().zip(values).for_each(|(to, x)| *to += x);
                    } else {
                        to.iter_mut().step_by(stride).zip(values).for_each(|(to, x)| *to += x);
                    }
                }
            }
            self.advance(&mut tap);
        }
    }

    /// Where a tap looks from a run; `None` where all of it is beyond the image.
    fn seen(&self, tap: Tap, run: &Run) -> Option<Seen> {
        let Conv2d { size: [height, width], stride, padding, dilation, .. } = self.sizes;
        let row = (run.row * stride[0] + tap.row * dilation[0]).wrapping_sub(padding[0]);
        if row >= height {
            return None;
        }
        // The first output of the run looks at this column plus the padding.
        let origin = run.column * stride[1] + tap.column * dilation[1];
        let before = padding[1].saturating_sub(origin).div_ceil(stride[1]).min(run.length);
        let inside =
            (width + padding[1]).saturating_sub(origin).div_ceil(stride[1]).clamp(before, run.length);
        (before < inside).then(|| Seen {
            row,
            before,
            inside,
            first: origin + before * stride[1] - padding[1],
        })
    }
}

/// The part of a run whose outputs see pixels through a tap.
struct Seen {
    row: usize,
    /// Outputs from here ..
    before: usize,
    /// .. to before here see a pixel.
    inside: usize,
    /// The column that the first of them sees.
    first: usize,
}
