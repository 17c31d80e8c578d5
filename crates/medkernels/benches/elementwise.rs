//! Speed of the element-wise and row-wise operations under each instruction set: the shortest of many runs.
//!
//! `cargo bench -p medkernels --bench elementwise`; `benches/kernels.py` times the same shapes in PyTorch.

use std::hint::black_box;
use std::time::Instant;

use medkernels::{Activation, Isa, with_isa};

const ROUNDS: usize = 30;

fn main() {
    let gelu_shape = 8 * 257 * 3072;
    let x: Vec<f32> = (0..gelu_shape).map(|i| ((i * 7919) % 4001) as f32 / 500.0 - 4.0).collect();
    let grad: Vec<f32> = x.iter().map(|x| x * 0.25).collect();
    let mut y = vec![0.0; gelu_shape];
    println!("threads: {}", rayon::current_num_threads());
    for isa in Isa::available() {
        for activation in
            [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu, Activation::Sigmoid]
        {
            report(isa, &format!("{activation:?}"), gelu_shape, 2, || activation.forward(&x, &mut y));
            report(isa, &format!("{activation:?} in place"), gelu_shape, 2, || {
                activation.forward_in_place(&mut y);
            });
            report(isa, &format!("{activation:?} backward"), gelu_shape, 3, || {
                activation.backward(&x, &grad, &mut y);
            });
        }
    }
}

/// Times `body`, which reads and writes `streams` times `count` numbers.
fn report(isa: Isa, name: &str, count: usize, streams: usize, mut body: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let ran = with_isa(isa, || black_box(&mut body)());
        if ran.is_some() {
            best = best.min(start.elapsed().as_secs_f64());
        }
    }
    println!(
        "{:9} {name:32} {:8.2} ms {:7.3} ns/element {:6.1} GB/s",
        isa.to_string(),
        best * 1e3,
        best * 1e9 / count as f64,
        (streams * count * 4) as f64 / best / 1e9,
    );
}
