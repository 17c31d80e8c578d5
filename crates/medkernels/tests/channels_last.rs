//! Convolution and pooling of images with their channels last, against plain loops in double precision.
#![allow(clippy::unwrap_used)]

use medkernels::convolution::{
    Conv2d, PackedConv2d, conv2d_channels_last, depthwise_conv2d_channels_last, max_pool2d_channels_last,
};
use medkernels::gemm::Epilogue;
use medkernels::{Activation, Isa, with_isa};

fn values(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// What each tap sees, `None` beyond the image, by `[batch, row, column, channel]` of the output.
fn seen(input: &[f32], sizes: &Conv2d, at: [usize; 4]) -> Vec<Option<f32>> {
    let [image, row, column, channel] = at;
    let mut taps = Vec::new();
    for y in 0..sizes.kernel[0] {
        for x in 0..sizes.kernel[1] {
            let y = (row * sizes.stride[0] + y * sizes.dilation[0]).checked_sub(sizes.padding[0]);
            let x = (column * sizes.stride[1] + x * sizes.dilation[1]).checked_sub(sizes.padding[1]);
            let inside = y.zip(x).filter(|&(y, x)| y < sizes.size[0] && x < sizes.size[1]);
            taps.push(inside.map(|(y, x)| {
                input[((image * sizes.size[0] + y) * sizes.size[1] + x) * sizes.channels + channel]
            }));
        }
    }
    taps
}

fn places(sizes: &Conv2d, batch: usize, channels: usize) -> Vec<[usize; 4]> {
    let [height, width] = sizes.output_size();
    (0..batch * height * width * channels)
        .map(|i| {
            let pixel = i / channels;
            [pixel / (height * width), pixel / width % height, pixel % width, i % channels]
        })
        .collect()
}

fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let tolerance = 2e-5 * (1.0 + expected.abs());
        assert!((f64::from(*found) - expected).abs() <= tolerance, "{what}, {i}: {found} for {expected}");
    }
}

fn sizes(channels: usize, size: [usize; 2], kernel: [usize; 2], steps: [usize; 3]) -> Conv2d {
    let [stride, padding, dilation] = steps.map(|n| [n; 2]);
    Conv2d { channels, size, kernel, stride, padding, dilation }
}

fn cases() -> Vec<Conv2d> {
    vec![
        sizes(1, [1, 1], [1, 1], [1, 0, 1]),
        sizes(5, [9, 11], [1, 1], [1, 0, 1]),
        sizes(5, [9, 11], [1, 1], [2, 0, 1]),
        sizes(40, [9, 11], [1, 1], [2, 0, 1]),
        sizes(3, [20, 37], [3, 3], [1, 1, 1]),
        sizes(3, [21, 30], [7, 7], [2, 3, 1]),
        sizes(19, [14, 14], [3, 3], [1, 1, 1]),
        sizes(64, [7, 7], [3, 3], [1, 1, 1]),
        sizes(100, [7, 9], [3, 3], [2, 1, 1]),
        sizes(20, [9, 9], [3, 3], [1, 2, 2]),
        sizes(4, [9, 9], [3, 3], [1, 2, 2]),
        sizes(3, [28, 28], [14, 14], [14, 0, 1]),
        sizes(17, [6, 5], [2, 3], [1, 0, 1]),
        sizes(16, [2, 2], [3, 3], [1, 1, 1]),
        sizes(2, [3, 3], [5, 5], [1, 0, 1]),
        // Another stride, padding and dilation along each axis, with few and with many channels.
        Conv2d { stride: [2, 1], padding: [0, 3], dilation: [1, 2], ..sizes(3, [11, 14], [3, 2], [1; 3]) },
        Conv2d { stride: [1, 3], padding: [2, 0], dilation: [3, 1], ..sizes(24, [12, 17], [2, 3], [1; 3]) },
    ]
}

#[test]
fn convolutions_with_what_follows_them() {
    for isa in Isa::available() {
        for (index, sizes) in cases().into_iter().enumerate() {
            let (batch, outputs) = (1 + index % 3, [1, 8, 33, 70][index % 4]);
            let taps = sizes.kernel[0] * sizes.kernel[1];
            let input = values(batch * sizes.channels * sizes.size[0] * sizes.size[1], 1);
            let weight = values(outputs * sizes.channels * taps, 2);
            let bias = values(outputs, 3);
            let places = places(&sizes, batch, outputs);
            let residual = values(places.len(), 4);
            let expected: Vec<f64> = places
                .iter()
                .zip(&residual)
                .map(|(&[image, row, column, output], residual)| {
                    let mut sum = f64::from(bias[output]) + f64::from(*residual);
                    for channel in 0..sizes.channels {
                        let weight = &weight[(output * sizes.channels + channel) * taps..];
                        let seen = seen(&input, &sizes, [image, row, column, channel]);
                        sum += seen
                            .iter()
                            .zip(weight)
                            .map(|(x, &w)| f64::from(x.unwrap_or(0.0)) * f64::from(w))
                            .sum::<f64>();
                    }
                    sum.max(0.0)
                })
                .collect();
            let shape = [outputs, sizes.channels, sizes.kernel[0], sizes.kernel[1]];
            let packed = with_isa(isa, || PackedConv2d::new(&weight, shape)).unwrap();
            let mut unpacked = vec![f32::NAN; weight.len()];
            packed.unpack(&mut unpacked);
            assert_eq!(unpacked, weight);
            for isa in [isa, Isa::Portable] {
                let mut output = vec![f32::NAN; places.len()];
                let epilogue = Epilogue {
                    bias: Some(&bias),
                    residual: Some(&residual),
                    relu_last: true,
                    ..Epilogue::default()
                };
                with_isa(isa, || conv2d_channels_last(&input, &packed, &sizes, &epilogue, &mut output))
                    .unwrap();
                assert_close(&output, &expected, &format!("{isa}, {sizes:?}"));
            }
        }
    }
}

#[test]
fn depthwise_convolutions() {
    for isa in Isa::available() {
        for (index, sizes) in cases().into_iter().enumerate() {
            let (batch, taps) = (1 + index % 2, sizes.kernel[0] * sizes.kernel[1]);
            let input = values(batch * sizes.channels * sizes.size[0] * sizes.size[1], 1);
            let weight = values(sizes.channels * taps, 2);
            let bias = values(sizes.channels, 3);
            let places = places(&sizes, batch, sizes.channels);
            for (bias, activation) in [(None, None), (Some(&bias[..]), Some(Activation::Silu))] {
                let expected: Vec<f64> = places
                    .iter()
                    .map(|&at| {
                        let weight = &weight[at[3] * taps..];
                        let seen = seen(&input, &sizes, at);
                        let terms = seen.iter().zip(weight);
                        let sum: f64 = terms.map(|(x, &w)| f64::from(x.unwrap_or(0.0)) * f64::from(w)).sum();
                        let x = sum + bias.map_or(0.0, |bias| f64::from(bias[at[3]]));
                        if activation.is_some() { x / (1.0 + (-x).exp()) } else { x }
                    })
                    .collect();
                let mut output = vec![f32::NAN; places.len()];
                with_isa(isa, || {
                    depthwise_conv2d_channels_last(&input, &weight, bias, &sizes, activation, &mut output);
                })
                .unwrap();
                assert_close(&output, &expected, &format!("{isa}, {sizes:?}"));
            }
        }
    }
}

#[test]
fn the_largest_value_in_each_window() {
    for isa in Isa::available() {
        for sizes in cases() {
            let mut input = values(2 * sizes.channels * sizes.size[0] * sizes.size[1], 5);
            let middle = input.len() / 2;
            input[middle] = f32::NAN;
            input[0] = f32::INFINITY;
            input[middle / 2] = f32::NEG_INFINITY;
            let places = places(&sizes, 2, sizes.channels);
            let mut output = vec![0.0; places.len()];
            with_isa(isa, || max_pool2d_channels_last(&input, &sizes, &mut output)).unwrap();
            for (found, at) in output.iter().zip(places) {
                let seen: Vec<f32> = seen(&input, &sizes, at).into_iter().flatten().collect();
                if seen.iter().any(|x| x.is_nan()) {
                    assert!(found.is_nan(), "{isa}, {sizes:?}, {at:?}: {found}");
                } else {
                    let expected = seen.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
                    assert_eq!(*found, expected, "{isa}, {sizes:?}, {at:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_number_is_seen_by_its_neighbours_alone() {
    let sizes = sizes(20, [9, 9], [3, 3], [1, 1, 1]);
    let mut input = vec![1.0; 20 * 81];
    input[(4 * 9 + 4) * 20 + 7] = f32::NAN;
    let packed = PackedConv2d::new(&[1.0; 20 * 9 * 2], [2, 20, 3, 3]);
    let mut output = vec![0.0; 81 * 2];
    conv2d_channels_last(&input, &packed, &sizes, &Epilogue::default(), &mut output);
    for (at, x) in output.chunks_exact(2).enumerate() {
        let near = (3..=5).contains(&(at / 9)) && (3..=5).contains(&(at % 9));
        assert!(x.iter().all(|x| x.is_nan() == near), "{at}: {x:?}");
    }
}

/// Outputs of images, each computed on its own and all at once, in a pool of threads.
#[test]
fn one_layer_takes_images_on_several_threads_at_once() {
    use rayon::prelude::*;
    let sizes = sizes(96, [14, 14], [3, 3], [1, 1, 1]);
    let weight = values(96 * 96 * 9, 2);
    let image = 96 * 14 * 14;
    let images = values(16 * image, 1);
    let convolve = move |packed: &PackedConv2d, images: &[f32]| {
        let mut output = vec![f32::NAN; images.len()];
        conv2d_channels_last(images, packed, &sizes, &Epilogue::default(), &mut output);
        output
    };
    let alone = convolve(&PackedConv2d::new(&weight, [96, 96, 3, 3]), &images);
    for threads in [1, 2, 4, 4, 4, 8, 8, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        // New weights, which are transformed by whoever comes first.
        let packed = PackedConv2d::new(&weight, [96, 96, 3, 3]);
        let (done, wait) = std::sync::mpsc::channel();
        let images = images.clone();
        std::thread::spawn(move || {
            let outputs = pool.install(|| {
                images.par_chunks_exact(image).flat_map_iter(|x| convolve(&packed, x)).collect::<Vec<_>>()
            });
            done.send(outputs)
        });
        let together = wait.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        assert_eq!(together, alone, "{threads} threads");
    }
}

#[test]
fn what_came_before_does_not_matter() {
    let weight = values(32 * 32 * 9, 2);
    let sizes = |side| sizes(32, [side, side], [3, 3], [1, 1, 1]);
    let convolve = |packed: &PackedConv2d, side: usize| {
        let mut output = vec![f32::NAN; 32 * side * side];
        let input = values(output.len(), side);
        conv2d_channels_last(&input, packed, &sizes(side), &Epilogue::default(), &mut output);
        output
    };
    let new = || PackedConv2d::new(&weight, [32, 32, 3, 3]);
    let used = new();
    for side in [14, 7, 40, 14, 40] {
        assert_eq!(convolve(&used, side), convolve(&new(), side), "{side}");
    }
}

#[test]
#[should_panic(expected = "kernel, stride and dilation")]
fn a_kernel_of_no_size_is_refused() {
    let packed = PackedConv2d::new(&[], [1, 2, 0, 3]);
    let sizes = sizes(2, [3, 3], [0, 3], [1, 0, 1]);
    conv2d_channels_last(&[0.0; 18], &packed, &sizes, &Epilogue::default(), &mut [0.0; 9]);
}

#[test]
#[should_panic(expected = "too many to count")]
fn sizes_that_cannot_be_are_refused() {
    let packed = PackedConv2d::new(&[1.0; 2], [1, 2, 1, 1]);
    let sizes = sizes(2, [1 << 32, 1 << 32], [1, 1], [1, 0, 1]);
    conv2d_channels_last(&[], &packed, &sizes, &Epilogue::default(), &mut []);
}

#[test]
#[should_panic(expected = "values of the input")]
fn images_that_are_cut_off_are_refused() {
    let sizes = sizes(2, [3, 3], [1, 1], [1, 0, 1]);
    let packed = PackedConv2d::new(&[1.0; 2], [1, 2, 1, 1]);
    conv2d_channels_last(&[0.0; 17], &packed, &sizes, &Epilogue::default(), &mut [0.0; 8]);
}
