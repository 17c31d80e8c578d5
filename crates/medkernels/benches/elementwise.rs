//! Speed of the element-wise and row-wise operations under each instruction set: the shortest of many runs.
//!
//! `cargo bench -p medkernels --bench elementwise -- [part of a line's start]...`, such as `avx512 softmax`;
//! `benches/kernels.py` times the same shapes in PyTorch.

use std::hint::black_box;
use std::time::Instant;

use medkernels::norm::{LayerNorm, RmsNorm, layer_scale_add};
use medkernels::softmax::{masked_softmax_in_place, softmax_backward, softmax_in_place};
use medkernels::{Activation, Isa, with_isa};

const ROUNDS: usize = 30;

fn main() {
    println!("threads: {}", rayon::current_num_threads());
    for isa in Isa::available() {
        activations(isa);
        softmax(isa);
        norms(isa);
    }
}

/// GELU and its like as in a ViT-B of 8 images.
fn activations(isa: Isa) {
    let count = 8 * 257 * 3072;
    let x = numbers(count);
    let grad = numbers(count);
    let mut y = vec![0.0; count];
    let bias = numbers(3072);
    for activation in
        [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu, Activation::Sigmoid]
    {
        let name = format!("{activation:?}").to_lowercase();
        report(isa, &name, count, 2, || activation.forward(&x, &mut y));
        // Unchanged from run to run, unlike the function of itself.
        let mut z = x.clone();
        report_from(isa, &format!("{name} in place"), count, 2, &x, &mut z, |z| {
            activation.forward_in_place(z);
        });
        report(isa, &format!("{name} backward"), count, 3, || activation.backward(&x, &grad, &mut y));
    }
    let mut z = x.clone();
    report_from(isa, "gelu add bias", count, 2, &x, &mut z, |z| Activation::Gelu.add_bias_in_place(z, &bias));
    let half = count / 2;
    report(isa, "swiglu", half, 3, || Activation::Silu.gated_forward(&x, 1536, &mut y[..half]));
    report(isa, "swiglu backward", half, 5, || {
        Activation::Silu.gated_backward(&x, &grad[..half], 1536, &mut y);
    });
}

/// Attention scores of the same.
fn softmax(isa: Isa) {
    let count = 8 * 12 * 257 * 257;
    let x = numbers(count);
    let grad = numbers(count);
    let mut y = x.clone();
    let excluded = vec![false; 8 * 257];
    report_from(isa, "softmax", count, 2, &x, &mut y, |y| softmax_in_place(y, 257, 0.125));
    let mut z = x.clone();
    report_from(isa, "masked softmax", count, 2, &x, &mut z, |z| {
        masked_softmax_in_place(z, 257, 0.125, &excluded);
    });
    report(isa, "softmax backward", count, 3, || softmax_backward(&y, &grad, 257, 0.125, &mut z));
}

/// Tokens of the same.
fn norms(isa: Isa) {
    let (rows, width) = (2056, 768);
    let count = rows * width;
    let x = numbers(count);
    let grad = numbers(count);
    let gamma = numbers(width);
    let mut y = vec![0.0; count];
    let norm = LayerNorm { gamma: &gamma, beta: Some(&gamma), epsilon: 1e-6 };
    report(isa, "layer norm", count, 2, || norm.forward(&x, &mut y));
    let mut sum = x.clone();
    report_from(isa, "add, layer norm", count, 4, &x, &mut sum, |sum| norm.add_forward(sum, &grad, &mut y));
    let statistics = norm.forward_with_statistics(&x, &mut y);
    report(isa, "layer norm backward", count, 3, || {
        black_box(norm.backward(&x, &statistics, &grad, &mut y));
    });
    let norm = RmsNorm { gamma: &gamma, epsilon: 1e-6 };
    report(isa, "rms norm", count, 2, || norm.forward(&x, &mut y));
    let inverse_rms = norm.forward_with_inverse_rms(&x, &mut y);
    report(isa, "rms norm backward", count, 3, || {
        black_box(norm.backward(&x, &inverse_rms, &grad, &mut y));
    });
    report(isa, "layer scale, add", count, 3, || layer_scale_add(&x, &grad, &gamma, &mut y));
}

/// Numbers from -4 to 4.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919) % 4001) as f32 / 500.0 - 4.0).collect()
}

/// Times `body`, which reads and writes `streams` times `count` numbers.
fn report(isa: Isa, name: &str, count: usize, streams: usize, mut body: impl FnMut()) {
    report_from(isa, name, count, streams, &[], &mut [], |_| body());
}

/// As [`report`], with `values` set to `input` before each run.
fn report_from(
    isa: Isa,
    name: &str,
    count: usize,
    streams: usize,
    input: &[f32],
    values: &mut [f32],
    mut body: impl FnMut(&mut [f32]),
) {
    let label = format!("{:9} {name:24}", isa.to_string());
    if !std::env::args().skip(1).filter(|part| !part.starts_with("--")).all(|part| label.contains(&part)) {
        return;
    }
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        values.copy_from_slice(input);
        let start = Instant::now();
        with_isa(isa, || body(black_box(&mut *values)));
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{label} {:8.2} ms {:7.3} ns/element {:6.1} GB/s",
        best * 1e3,
        best * 1e9 / count as f64,
        (streams * count * 4) as f64 / best / 1e9,
    );
}
