//! Depthwise convolution of images whose channels lie next to each other.
#![allow(unsafe_code)]

use super::conv2d::Conv2d;
use super::window::Window;
use crate::Activation;
use crate::gemm::raw::apply;
use crate::simd::{Isa, Kernel, Part, Simd, run};
use crate::threads::{Shared, for_each};

/// Taps of the usual kernel, 3 x 3, whose weights stay in registers.
const USUAL: usize = 9;

/// `activation(conv(x) + b)` where each channel is convolved with a kernel of its own ("depthwise": as many groups as channels).
///
/// # Shapes
/// - `input`: `[batch, height, width, channels]`; `weight`: `[channels, 1, kernel height, kernel width]`; `bias`: `[channels]`
/// - `output`: `[batch, height, width, channels]`, by [`Conv2d::output_size`]
///
/// # Panics
/// When the lengths do not fit each other, or a kernel size, stride or dilation is 0.
pub fn depthwise_conv2d_channels_last(
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    sizes: &Conv2d,
    activation: Option<Activation>,
    output: &mut [f32],
) {
    let (channels, taps) = (sizes.channels, sizes.kernel[0] * sizes.kernel[1]);
    assert_eq!(weight.len(), channels * taps, "weights of a depthwise convolution");
    assert!(bias.is_none_or(|bias| bias.len() == channels), "biases of {channels} channels");
    // `[taps, channels]`
    let mut last = vec![0.0; weight.len()];
    for (channel, weights) in weight.chunks_exact(taps.max(1)).enumerate() {
        weights.iter().enumerate().for_each(|(tap, &w)| last[tap * channels + channel] = w);
    }
    let window = Window::new(sizes);
    let [images, height, width] = window.check(input, output);
    let (isa, to, length) = (Isa::current(), Shared(output.as_mut_ptr()), width * channels);
    for_each(images * height, |row| {
        let image = &input[row / height * window.image()..][..window.image()];
        // SAFETY: each row of the output has a place of its own.
        let output = unsafe { std::slice::from_raw_parts_mut(to.at(row * length), length) };
        run(isa, Row { image, weight: &last, bias, window: &window, row: row % height, activation, output });
    });
}

/// A row of the output.
struct Row<'a> {
    image: &'a [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    window: &'a Window,
    row: usize,
    activation: Option<Activation>,
    output: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { image, weight, bias, window, row, activation, output } = self;
        let channels = window.sizes.channels;
        let rows = window.inside(0, row);
        let whole = window.whole_columns();
        simd.for_each_part(
            channels,
            #[inline(always)]
            |part| {
                let first = bias.map_or(simd.splat(0.0), |bias| simd.load_part(bias, part, 0.0));
                let usual = window.sizes.kernel == [3, 3] && rows.len() == 3;
                let (start, end) = if usual { (whole.start, whole.end) } else { (0, 0) };
                if start < end {
                    let mut weights = [simd.splat(0.0); USUAL];
                    for (weights, weight) in weights.iter_mut().zip(weight.chunks_exact(channels)) {
                        *weights = simd.load_part(weight, part, 0.0);
                    }
                    for column in start..end {
                        let mut sum = first;
                        for (tap, weight) in weights.into_iter().enumerate() {
                            let at = window.at([row, column], [tap / 3, tap % 3]);
                            sum = simd.mul_add(simd.load_part(&image[at..], part, 0.0), weight, sum);
                        }
                        put(simd, activation, &mut output[column * channels..], part, sum);
                    }
                }
                for column in (0..start).chain(end..window.output[1]) {
                    let mut sum = first;
                    for y in rows.clone() {
                        for x in window.inside(1, column) {
                            let weight = &weight[(y * window.sizes.kernel[1] + x) * channels..];
                            let value = simd.load_part(&image[window.at([row, column], [y, x])..], part, 0.0);
                            sum = simd.mul_add(value, simd.load_part(weight, part, 0.0), sum);
                        }
                    }
                    put(simd, activation, &mut output[column * channels..], part, sum);
                }
            },
        );
    }
}

#[inline(always)]
fn put<S: Simd>(simd: S, activation: Option<Activation>, to: &mut [f32], part: Part, x: S::Vector) {
    let x = match activation {
        Some(activation) => apply(activation, simd, x),
        None => x,
    };
    simd.store_part(to, part, x);
}
