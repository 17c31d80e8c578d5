//! Speed of products: `cargo bench -p medkernels --bench gemm`.

use std::time::Instant;

use medkernels::gemm::{Epilogue, Matrix, gemm};

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
}
