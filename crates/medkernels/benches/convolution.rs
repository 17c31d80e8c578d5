//! Speed of convolutions whose images have their channels last: `cargo bench -p medkernels --bench convolution`; with `-- training` of those in training and of their
//! gradients, whose images have their channels first.

use std::time::Instant;

use medkernels::convolution::{
    Conv2d, PackedConv2d, conv2d, conv2d_channels_last, conv2d_input_gradient, conv2d_weight_gradient,
};
use medkernels::gemm::Epilogue;

/// A convolution, as many times as there are weights for it: of `side x side` pixels.
struct Case {
    side: usize,
    channels: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    weights: usize,
}

impl Case {
    const fn sizes(&self) -> Conv2d {
        Conv2d {
            channels: self.channels,
            size: [self.side; 2],
            kernel: [self.kernel; 2],
            stride: [self.stride; 2],
            padding: [self.kernel / 2; 2],
            dilation: [1; 2],
        }
    }
}

const fn case(
    side: usize,
    [channels, outputs]: [usize; 2],
    [kernel, stride]: [usize; 2],
    weights: usize,
) -> Case {
    Case { side, channels, outputs, kernel, stride, weights }
}

/// Those of ResNet-50 for images of 224 px, each as often as it is there, so that weights come from memory.
const RESNET: [Case; 19] = [
    case(224, [3, 64], [7, 2], 1),
    case(56, [64, 64], [1, 1], 1),
    case(56, [64, 64], [3, 1], 3),
    case(56, [64, 256], [1, 1], 4),
    case(56, [256, 64], [1, 1], 2),
    case(56, [256, 128], [1, 1], 1),
    case(56, [128, 128], [3, 2], 1),
    case(56, [256, 512], [1, 2], 1),
    case(28, [128, 512], [1, 1], 4),
    case(28, [512, 128], [1, 1], 3),
    case(28, [128, 128], [3, 1], 3),
    case(28, [512, 256], [1, 1], 1),
    case(14, [256, 1024], [1, 1], 6),
    case(14, [1024, 256], [1, 1], 5),
    case(14, [256, 256], [3, 1], 5),
    case(14, [1024, 512], [1, 1], 1),
    case(7, [512, 2048], [1, 1], 3),
    case(7, [2048, 512], [1, 1], 2),
    case(7, [512, 512], [3, 1], 2),
];

/// 3 x 3 of a head on larger maps.
const HEAD: [Case; 2] = [case(128, [64, 64], [3, 1], 1), case(64, [256, 128], [3, 1], 1)];

fn main() {
    println!("{} threads", rayon::current_num_threads());
    if std::env::args().any(|argument| argument == "training") {
        return training();
    }
    for batch in [1, 8] {
        let total: f64 = RESNET.iter().map(|case| measure(batch, case)).sum();
        println!("these convolutions of ResNet-50, batch {batch}: {:.1} ms", 1e3 * total);
    }
    for case in &HEAD {
        measure(1, case);
    }
}

fn training() {
    let mut totals = [0.0; 3];
    for case in &RESNET {
        let times = measure_training(8, case);
        totals.iter_mut().zip(times).for_each(|(total, time)| *total += case.weights as f64 * time);
    }
    let [forward, weight, input] = totals.map(|total| 1e3 * total);
    println!(
        "these convolutions of ResNet-50, batch 8: {forward:.0} ms, gradients of weights {weight:.0} ms, of inputs {input:.0} ms"
    );
}

/// Shortest times of a convolution, of the gradient of its weight and of that of its input, in seconds.
fn measure_training(batch: usize, case: &Case) -> [f64; 3] {
    let sizes = case.sizes();
    let mut weight = vec![0.25; case.outputs * case.channels * case.kernel * case.kernel];
    let mut input = vec![0.5; batch * case.channels * case.side * case.side];
    let mut output = vec![0.0; batch * case.outputs * sizes.output_size().iter().product::<usize>()];
    let work = 2.0 * (output.len() * weight.len() / case.outputs) as f64;
    let best = |body: &mut dyn FnMut()| {
        let mut best = f64::INFINITY;
        for _ in 0..9 {
            let start = Instant::now();
            body();
            best = best.min(start.elapsed().as_secs_f64());
        }
        best
    };
    let times = [
        best(&mut || conv2d(&input, &weight, &sizes, &Epilogue::default(), &mut output)),
        best(&mut || conv2d_weight_gradient(&input, &output, &sizes, &mut weight)),
        best(&mut || conv2d_input_gradient(&output, &weight, &sizes, &mut input)),
    ];
    let [forward, by_weight, by_input] = times.map(|time| work / time / 1e9);
    println!(
        "{batch} x {0} x {0}, {1} to {2} channels, {3} x {3} in steps of {4}: {forward:.0}, gradients {by_weight:.0} and {by_input:.0} GFLOP/s",
        case.side, case.channels, case.outputs, case.kernel, case.stride
    );
    times
}

/// The median time of all convolutions of a case together, in seconds.
fn measure(batch: usize, case: &Case) -> f64 {
    let (&Case { side, channels, outputs, kernel, stride, weights }, sizes) = (case, case.sizes());
    let weight = vec![0.25; outputs * channels * kernel * kernel];
    let weights: Vec<_> =
        (0..weights).map(|_| PackedConv2d::new(&weight, [outputs, channels, kernel, kernel])).collect();
    let input = vec![0.5; batch * side * side * channels];
    let mut output = vec![0.0; batch * sizes.output_size().iter().product::<usize>() * outputs];
    let mut times: Vec<f64> = (0..41)
        .map(|_| {
            let start = Instant::now();
            for weight in &weights {
                conv2d_channels_last(&input, weight, &sizes, &Epilogue::default(), &mut output);
            }
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let one = |time: f64| time / weights.len() as f64;
    let work = 2.0 * (output.len() * channels * kernel * kernel) as f64;
    println!(
        "{batch} x {side} x {side}, {channels} to {outputs} channels, {kernel} x {kernel} in steps of {stride}, {} times: median {:.0}, best {:.0} us each, {:.0} GFLOP/s",
        weights.len(),
        1e6 * one(times[20]),
        1e6 * one(times[0]),
        work / one(times[0]) / 1e9
    );
    times[20]
}
