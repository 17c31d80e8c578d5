//! Both sizes of tiles against plain sums in double precision.
#![allow(clippy::unwrap_used)]

use super::{FilteredWeights, TileSize, convolve};
use crate::convolution::{Conv2d, PackedConv2d, conv2d_channels_last};
use crate::gemm::{Epilogue, Matrix, PackedMatrix};
use crate::{Activation, Isa, with_isa};

/// Numbers from -1 to 1 without a pattern.
fn values(n: usize, seed: usize) -> Vec<f32> {
    let mut state = seed as u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn sizes(channels: usize, size: [usize; 2], padding: [usize; 2]) -> Conv2d {
    Conv2d { channels, size, kernel: [3; 2], stride: [1; 2], padding, dilation: [1; 2] }
}

/// Weights `[3, 3, channels, outputs]`.
fn expected(input: &[f32], weight: &[f32], sizes: &Conv2d, outputs: usize) -> Vec<f64> {
    let Conv2d { channels, size: [height, width], padding, .. } = *sizes;
    let [tall, wide] = sizes.output_size();
    let batch = input.len() / (height * width * channels);
    let mut sums = vec![0.0; batch * tall * wide * outputs];
    for (pixel, sums) in sums.chunks_exact_mut(outputs).enumerate() {
        let (image, row, column) = (pixel / (tall * wide), pixel / wide % tall, pixel % wide);
        for tap in 0..9 {
            let y = (row + tap / 3).wrapping_sub(padding[0]);
            let x = (column + tap % 3).wrapping_sub(padding[1]);
            if y >= height || x >= width {
                continue;
            }
            for channel in 0..channels {
                let value = input[((image * height + y) * width + x) * channels + channel];
                let weights = &weight[(tap * channels + channel) * outputs..][..outputs];
                for (sum, &weight) in sums.iter_mut().zip(weights) {
                    *sum += f64::from(value) * f64::from(weight);
                }
            }
        }
    }
    sums
}

struct Case {
    sizes: Conv2d,
    batch: usize,
    outputs: usize,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, size) in
        [[1, 1], [2, 3], [3, 2], [4, 4], [5, 9], [7, 7], [13, 6], [14, 14], [11, 31]].into_iter().enumerate()
    {
        for padding in [[1, 1], [0, 0], [2, 1]] {
            let sizes = sizes([1, 7, 16, 19, 40, 64][index % 6], size, padding);
            cases.push(Case { sizes, batch: 1 + index % 3, outputs: [1, 16, 33, 70][index % 4] });
        }
    }
    // More tiles than a block, and so few that threads share them.
    cases.push(Case { sizes: sizes(24, [40, 41], [1, 1]), batch: 2, outputs: 40 });
    cases.push(Case { sizes: sizes(200, [9, 9], [1, 1]), batch: 1, outputs: 130 });
    cases
}

/// The largest error, in units of the largest value.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    let largest = expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    assert!(found.iter().all(|x| x.is_finite()), "an output is not finite, or was not written");
    let error = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs());
    error.fold(0.0, f64::max) / largest.max(1e-3)
}

#[test]
fn sums_are_those_of_the_taps() {
    for isa in Isa::available() {
        for Case { sizes, batch, outputs } in cases() {
            let [height, width] = sizes.size;
            let input = values(batch * height * width * sizes.channels, 1);
            let weight = values(9 * sizes.channels * outputs, 2);
            let expected = expected(&input, &weight, &sizes, outputs);
            for (size, most) in [(TileSize::Two, 1e-6), (TileSize::Four, 3e-6)] {
                let mut output = vec![f32::NAN; expected.len()];
                with_isa(isa, || {
                    let matrix = PackedMatrix::new(Matrix::new(&weight, 9 * sizes.channels, outputs));
                    let weights = FilteredWeights::new(&matrix, sizes.channels, size);
                    // SAFETY: the weights are for these instructions, input and output for these sizes.
                    let spoilt =
                        unsafe { convolve(&input, &weights, &sizes, &Epilogue::default(), &mut output) };
                    assert_eq!(spoilt, []);
                })
                .unwrap();
                let error = error(&output, &expected);
                assert!(error <= most, "{isa}, {size:?}, {sizes:?}: {error:e}");
            }
        }
    }
}

/// What a convolution is followed by, and how many threads work, by the public function.
#[test]
fn what_follows_is_done_and_threads_change_nothing() {
    for (channels, outputs, size) in [(16, 37, [29, 27]), (70, 64, [14, 15])] {
        let (sizes, batch) = (sizes(channels, size, [1, 1]), 2);
        assert!(TileSize::paying(&sizes, outputs).is_some());
        let input = values(batch * size[0] * size[1] * channels, 1);
        let weight = values(outputs * channels * 9, 2);
        let mut taps = vec![0.0; weight.len()];
        for (index, &w) in weight.iter().enumerate() {
            taps[(index % 9 * channels + index / 9 % channels) * outputs + index / 9 / channels] = w;
        }
        let sums = expected(&input, &taps, &sizes, outputs);
        let (bias, scale) = (values(outputs, 3), values(outputs, 4));
        let residual = values(sums.len(), 5);
        let epilogue = Epilogue {
            alpha: 0.5,
            bias: Some(&bias),
            activation: Some(Activation::Silu),
            scale: Some(&scale),
            residual: Some(&residual),
            relu_last: true,
            ..Epilogue::default()
        };
        let expected: Vec<f64> = sums
            .iter()
            .enumerate()
            .map(|(index, sum)| {
                let at = index % outputs;
                let x = 0.5 * sum + f64::from(bias[at]);
                (x / (1.0 + (-x).exp()) * f64::from(scale[at]) + f64::from(residual[index])).max(0.0)
            })
            .collect();
        let mut first: Option<Vec<f32>> = None;
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let output = pool.install(|| {
                let packed = PackedConv2d::new(&weight, [outputs, channels, 3, 3]);
                let before = packed.bytes();
                let mut output = vec![f32::NAN; expected.len()];
                conv2d_channels_last(&input, &packed, &sizes, &epilogue, &mut output);
                assert!(packed.bytes() > before);
                let plain = packed.used_once();
                let mut direct = vec![f32::NAN; expected.len()];
                conv2d_channels_last(&input, &plain, &sizes, &epilogue, &mut direct);
                assert!(error(&direct, &expected) <= 1e-6);
                output
            });
            let error = error(&output, &expected);
            assert!(error <= 3e-6, "{threads} threads, {sizes:?}: {error:e}");
            assert_eq!(first.get_or_insert_with(|| output.clone()), &output, "{threads} threads");
        }
    }
}

#[test]
fn what_is_not_finite_reaches_those_that_see_it_and_nobody_else() {
    for size in [[26, 25], [14, 13]] {
        let (sizes, outputs) = (sizes(20, size, [1, 1]), 18);
        assert!(TileSize::paying(&sizes, outputs).is_some());
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut input = values(20 * size[0] * size[1], 1);
            for [row, column] in [[0, 0], [6, 7], [13, 12]] {
                input[(row * size[1] + column) * 20 + 7] = bad;
            }
            let weight = values(outputs * 20 * 9, 2);
            let packed = PackedConv2d::new(&weight, [outputs, 20, 3, 3]);
            let residual = vec![1.0; size[0] * size[1] * outputs];
            let epilogue = Epilogue { residual: Some(&residual), relu_last: true, ..Epilogue::default() };
            let mut found = vec![0.0; residual.len()];
            conv2d_channels_last(&input, &packed, &sizes, &epilogue, &mut found);
            assert!(packed.bytes() > 20 * 9 * 32 * 4);
            let mut plain = vec![0.0; residual.len()];
            conv2d_channels_last(&input, &packed.used_once(), &sizes, &epilogue, &mut plain);
            for (index, (found, plain)) in found.iter().zip(&plain).enumerate() {
                let close = (found - plain).abs() < 1e-4 || found == plain;
                assert!(close || (found.is_nan() && plain.is_nan()), "{bad}, {index}: {found} for {plain}");
            }
        }
    }
}
