//! Speed of products: `cargo bench -p medkernels --bench gemm`.

use std::time::Instant;

use medkernels::gemm::{Epilogue, Matrix, PackedMatrix, gemm, gemm_packed};

fn main() {
    let threads = rayon::current_num_threads();
    for [m, k, n] in [
        [257, 384, 384],
        [257, 384, 1536],
        [257, 1536, 384],
        [257, 768, 2304],
        [257, 768, 768],
        [257, 768, 3072],
        [257, 3072, 768],
        [2056, 384, 1536],
        [2056, 768, 3072],
        [2056, 3072, 768],
        [32, 768, 3072],
        [1, 768, 3072],
        [240, 768, 768],
    ] {
        let a = vec![0.5f32; m * k];
        let b = vec![0.25f32; k * n];
        let mut c = vec![0.0; m * n];
        let mut times: Vec<f64> = (0..20)
            .map(|_| {
                let start = Instant::now();
                gemm(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &Epilogue::default(), &mut c);
                start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let speed = |t: f64| 2.0 * (m * k * n) as f64 / t / 1e9;
        println!(
            "{threads} threads, {m} x {k} x {n}: median {:.0}, best {:.0} GFLOP/s",
            speed(times[10]),
            speed(times[0])
        );
    }
    packed(threads);
}

/// Products with weights that are packed already: those of ResNet-50 for an image of 224 px, and of BERT for 32 tokens. There are as many
/// weights as a network has, so that they come from memory.
fn packed(threads: usize) {
    for [m, k, n, weights] in [
        [3136, 64, 64, 4],
        [3136, 64, 256, 4],
        [3136, 256, 64, 4],
        [3136, 576, 64, 3],
        [784, 512, 128, 4],
        [784, 1152, 128, 4],
        [196, 1024, 256, 6],
        [196, 2304, 256, 6],
        [49, 512, 2048, 3],
        [49, 2048, 512, 3],
        [49, 4608, 512, 3],
        [32, 768, 768, 48],
        [32, 768, 3072, 12],
        [32, 3072, 768, 12],
        [257, 384, 1536, 12],
        [1, 768, 3072, 12],
    ] {
        let a = vec![0.5f32; m * k];
        let b = vec![0.25f32; k * n];
        let weights: Vec<_> = (0..weights).map(|_| PackedMatrix::new(Matrix::new(&b, k, n))).collect();
        let mut c = vec![0.0; m * n];
        let mut times: Vec<f64> = (0..15)
            .map(|_| {
                let start = Instant::now();
                for weight in &weights {
                    gemm_packed(Matrix::new(&a, m, k), weight, &Epilogue::default(), &mut c);
                }
                start.elapsed().as_secs_f64() / weights.len() as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{threads} threads, {m} x {k} x {n}, packed: median {:.0}, best {:.0} GFLOP/s, {:.0} us",
            2.0 * (m * k * n) as f64 / times[7] / 1e9,
            2.0 * (m * k * n) as f64 / times[0] / 1e9,
            1e6 * times[7]
        );
    }
}
