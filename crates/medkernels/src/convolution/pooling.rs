//! Pooling of images whose channels lie next to each other.
#![allow(unsafe_code)]

use super::conv2d::Conv2d;
use super::window::Window;
use crate::simd::{Isa, Kernel, Simd, run};
use crate::threads::{Shared, for_each};

/// The largest value that each window sees; NaN where it sees one, minus infinity where it sees no pixel.
///
/// # Shapes
/// - `input`: `[batch, height, width, channels]`; `output`: `[batch, height, width, channels]`, by [`Conv2d::output_size`]
///
/// # Panics
/// When the lengths do not fit each other, or a kernel size, stride or dilation is 0.
pub fn max_pool2d_channels_last(input: &[f32], sizes: &Conv2d, output: &mut [f32]) {
    let window = Window::new(sizes);
    let [images, height, width] = window.check(input, output);
    let (isa, to, length) = (Isa::current(), Shared(output.as_mut_ptr()), width * sizes.channels);
    for_each(images * height, |row| {
        let image = &input[row / height * window.image()..][..window.image()];
        // SAFETY: each row of the output has a place of its own.
        let output = unsafe { std::slice::from_raw_parts_mut(to.at(row * length), length) };
        run(isa, Row { image, window: &window, row: row % height, output });
    });
}

/// A row of the output.
struct Row<'a> {
    image: &'a [f32],
    window: &'a Window,
    row: usize,
    output: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { image, window, row, output } = self;
        let channels = window.sizes.channels;
        let rows = window.inside(0, row);
        for (column, output) in output.chunks_exact_mut(channels.max(1)).enumerate() {
            let columns = window.inside(1, column);
            simd.for_each_part(
                channels,
                #[inline(always)]
                |part| {
                    let mut largest = simd.splat(f32::NEG_INFINITY);
                    for y in rows.clone() {
                        for x in columns.clone() {
                            let from = &image[window.at([row, column], [y, x])..];
                            largest = larger(simd, largest, simd.load_part(from, part, 0.0));
                        }
                    }
                    simd.store_part(output, part, largest);
                },
            );
        }
    }
}

/// The larger; NaN where either is.
#[inline(always)]
fn larger<S: Simd>(simd: S, a: S::Vector, b: S::Vector) -> S::Vector {
    // This is `b` where either is NaN: wrong where `a` is.
    let larger = simd.max(a, b);
    let above = simd.less(simd.splat(f32::NEG_INFINITY), a);
    let below = simd.less(a, simd.splat(f32::INFINITY));
    simd.select(above, larger, simd.select(below, larger, a))
}
