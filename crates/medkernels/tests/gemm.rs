//! Products against plain loops in double precision.
#![allow(clippy::unwrap_used)]

use medkernels::gemm::{Epilogue, Matrix, gemm};
use medkernels::{Activation, Isa, with_isa};

/// Values that look random and are the same every time.
fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn expected(a: &[f32], b: &[f32], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for l in 0..k {
            for j in 0..n {
                c[i * n + j] += f64::from(a[i * k + l]) * f64::from(b[l * n + j]);
            }
        }
    }
    c
}

fn assert_close(found: &[f32], expected: &[f64], k: usize, what: &str) {
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let tolerance = 1e-6 * (k as f64).sqrt().max(1.0) * (1.0 + expected.abs());
        assert!((f64::from(found) - expected).abs() <= tolerance, "{what}, {i}: {found} for {expected}");
    }
}

const SIZES: &[[usize; 3]] = &[
    [1, 1, 1],
    [1, 7, 33],
    [3, 0, 5],
    [5, 3, 2],
    [14, 16, 32],
    [15, 17, 31],
    [13, 100, 64],
    [29, 1025, 47],
    [257, 64, 257],
    [2, 2100, 300],
    [600, 33, 65],
    [33, 40, 600],
];

fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    for i in 0..rows {
        for j in 0..columns {
            y[j * rows + i] = x[i * columns + j];
        }
    }
    y
}

#[test]
fn products_of_all_sizes_and_layouts() {
    for isa in Isa::available() {
        for &[m, k, n] in SIZES {
            let (a, b) = (values(m * k, 1), values(k * n, 2));
            let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
            let reference = expected(&a, &b, [m, k, n]);
            let lefts = [Matrix::new(&a, m, k), Matrix::new(&at, k, m).transposed()];
            let rights = [Matrix::new(&b, k, n), Matrix::new(&bt, n, k).transposed()];
            for (i, left) in lefts.into_iter().enumerate() {
                for (j, right) in rights.into_iter().enumerate() {
                    let mut c = vec![f32::NAN; m * n];
                    with_isa(isa, || gemm(left, right, &Epilogue::default(), &mut c)).unwrap();
                    assert_close(&c, &reference, k, &format!("{isa} {m} x {k} x {n}, layouts {i} {j}"));
                }
            }
        }
    }
}

#[test]
fn everything_after_the_product_in_order() {
    let [m, k, n] = [19, 1100, 45];
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    let (bias, row_bias, scale) = (values(n, 3), values(m, 4), values(n, 5));
    let residual = values(m * n, 6);
    let product = expected(&a, &b, [m, k, n]);
    type Case = (Option<Activation>, fn(f64) -> f64);
    let cases: [Case; 3] = [
        (None, |x: f64| x),
        (Some(Activation::Relu), |x: f64| x.max(0.0)),
        (Some(Activation::Silu), |x: f64| x / (1.0 + (-x).exp())),
    ];
    for isa in Isa::available() {
        for (activation, function) in cases {
            for relu_last in [false, true] {
                let epilogue = Epilogue {
                    alpha: 0.25,
                    bias: Some(&bias),
                    row_bias: Some(&row_bias),
                    activation,
                    scale: Some(&scale),
                    residual: Some(&residual),
                    relu_last,
                };
                let mut c = vec![f32::NAN; m * n];
                with_isa(isa, || gemm(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &epilogue, &mut c))
                    .unwrap();
                let reference: Vec<f64> = (0..m * n)
                    .map(|at| {
                        let (i, j) = (at / n, at % n);
                        let x = function(0.25 * product[at] + f64::from(bias[j]) + f64::from(row_bias[i]));
                        let x = x * f64::from(scale[j]) + f64::from(residual[at]);
                        if relu_last { x.max(0.0) } else { x }
                    })
                    .collect();
                assert_close(&c, &reference, k, &format!("{isa}, {activation:?}, {relu_last}"));
            }
        }
    }
}

#[test]
fn gelu_after_the_product_is_that_of_the_activation() {
    let [m, k, n] = [7, 20, 50];
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    for isa in Isa::available() {
        with_isa(isa, || {
            let (mut fused, mut plain) = (vec![0.0; m * n], vec![0.0; m * n]);
            let (a, b) = (Matrix::new(&a, m, k), Matrix::new(&b, k, n));
            gemm(a, b, &Epilogue { activation: Some(Activation::Gelu), ..Epilogue::default() }, &mut fused);
            gemm(a, b, &Epilogue::default(), &mut plain);
            Activation::Gelu.forward_in_place(&mut plain);
            assert_eq!(fused, plain, "{isa}");
        })
        .unwrap();
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let [m, k, n] = [300, 1500, 333];
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    let run = |threads| {
        let mut c = vec![0.0; m * n];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| gemm(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &Epilogue::default(), &mut c));
        c
    };
    let one = run(1);
    for threads in [2, 3, 16] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}

#[test]
fn what_is_not_a_number_stays_so_and_stays_where_it_is() {
    let mut a = vec![1.0; 20 * 30];
    a[7 * 30 + 2] = f32::NAN;
    a[9 * 30] = f32::INFINITY;
    let b = vec![1.0; 30 * 40];
    let mut c = vec![0.0; 20 * 40];
    let epilogue = Epilogue { activation: Some(Activation::Relu), ..Epilogue::default() };
    gemm(Matrix::new(&a, 20, 30), Matrix::new(&b, 30, 40), &epilogue, &mut c);
    for (i, row) in c.chunks_exact(40).enumerate() {
        match i {
            7 => assert!(row.iter().all(|x| x.is_nan())),
            9 => assert!(row.iter().all(|&x| x == f32::INFINITY)),
            _ => assert!(row.iter().all(|&x| x == 30.0)),
        }
    }
}

#[test]
#[should_panic(expected = "columns of the left")]
fn factors_that_do_not_fit_are_refused() {
    gemm(Matrix::new(&[0.0; 6], 2, 3), Matrix::new(&[0.0; 4], 2, 2), &Epilogue::default(), &mut [0.0; 4]);
}

#[test]
#[should_panic(expected = "in 5 values")]
fn a_view_beyond_its_data_is_refused() {
    Matrix::new(&[0.0; 5], 2, 3);
}
