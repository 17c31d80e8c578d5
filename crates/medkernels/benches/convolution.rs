//! Speed of convolutions of 3 x 3 whose images have their channels last: `cargo bench -p medkernels --bench convolution`.

use std::time::Instant;

use medkernels::convolution::{Conv2d, PackedConv2d, conv2d_channels_last};
use medkernels::gemm::Epilogue;

/// Those of ResNet-50 for images of 224 px, with as many weights as it has, so that they come from memory; and those of a head on
/// larger maps.
fn main() {
    let threads = rayon::current_num_threads();
    for [batch, side, channels, outputs, weights] in [
        [1, 56, 64, 64, 3],
        [1, 28, 128, 128, 3],
        [1, 14, 256, 256, 5],
        [1, 7, 512, 512, 2],
        [8, 56, 64, 64, 3],
        [8, 28, 128, 128, 3],
        [8, 14, 256, 256, 5],
        [8, 7, 512, 512, 2],
        [1, 128, 64, 64, 1],
        [1, 64, 256, 128, 1],
    ] {
        let sizes = Conv2d {
            channels,
            size: [side; 2],
            kernel: [3; 2],
            stride: [1; 2],
            padding: [1; 2],
            dilation: [1; 2],
        };
        let weight = vec![0.25; outputs * channels * 9];
        let weights: Vec<_> =
            (0..weights).map(|_| PackedConv2d::new(&weight, [outputs, channels, 3, 3])).collect();
        let input = vec![0.5; batch * side * side * channels];
        let mut output = vec![0.0; batch * side * side * outputs];
        let mut times: Vec<f64> = (0..41)
            .map(|_| {
                let start = Instant::now();
                for weight in &weights {
                    conv2d_channels_last(&input, weight, &sizes, &Epilogue::default(), &mut output);
                }
                start.elapsed().as_secs_f64() / weights.len() as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let speed = |time: f64| 18.0 * (output.len() * channels) as f64 / time / 1e9;
        println!(
            "{threads} threads, {batch} x {side} x {side}, {channels} to {outputs} channels: median {:.0}, best {:.0} us, {:.0} GFLOP/s",
            1e6 * times[20],
            1e6 * times[0],
            speed(times[0])
        );
    }
}
