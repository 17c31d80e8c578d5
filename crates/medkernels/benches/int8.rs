//! Speed of products in 8 bits beside those in f32: `cargo bench -p medkernels --bench int8`.
//!
//! Weights are packed already. There are as many of them as a network has, so that they come from memory. Both take turns.

use std::time::Instant;

use medkernels::gemm::{Epilogue, Matrix, PackedMatrix, gemm_packed};
use medkernels::int8::{Int8Matrix, gemm_int8};

const ROUNDS: usize = 15;

fn main() {
    let threads = rayon::current_num_threads();
    for [m, k, n, weights] in [
        [1, 768, 3072, 24],
        [32, 768, 768, 48],
        [32, 768, 3072, 12],
        [32, 3072, 768, 12],
        [256, 768, 3072, 12],
        [257, 384, 384, 24],
        [257, 384, 1536, 12],
        [257, 1536, 384, 12],
        [2056, 384, 384, 4],
        [2056, 384, 1536, 4],
        [2056, 1536, 384, 4],
        [2056, 3072, 768, 4],
    ] {
        let a: Vec<f32> = (0..m * k).map(|i| ((i * 7919) % 2003) as f32 / 1001.5 - 1.0).collect();
        let b = vec![0.25f32; k * n];
        let (left, right) = (Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        let plain: Vec<_> = (0..weights).map(|_| PackedMatrix::new(right)).collect();
        let int8: Vec<_> = (0..weights).map(|_| Int8Matrix::new(right)).collect();
        let mut c = vec![0.0; m * n];
        let mut times = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            times[0].push(seconds(|| {
                plain.iter().for_each(|b| gemm_packed(left, b, &Epilogue::default(), &mut c));
            }));
            times[1].push(seconds(|| {
                int8.iter().for_each(|b| gemm_int8(left, b, &Epilogue::default(), &mut c));
            }));
        }
        let [plain, int8] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2] / weights as f64
        });
        let speed = |t: f64| 2.0 * (m * k * n) as f64 / t / 1e9;
        println!(
            "{threads} threads, {m} x {k} x {n}: f32 {:.0}, int8 {:.0} GFLOP/s, {:.2} times as fast",
            speed(plain),
            speed(int8),
            plain / int8
        );
    }
}

fn seconds(body: impl FnOnce()) -> f64 {
    let start = Instant::now();
    body();
    start.elapsed().as_secs_f64()
}
