//! Products with a right-hand side that was packed before.
#![allow(clippy::unwrap_used)]

use medkernels::gemm::{Epilogue, Matrix, PackedMatrix, gemm, gemm_packed};
use medkernels::{Activation, Isa, with_isa};

fn values(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
}

const SIZES: &[[usize; 3]] = &[
    [1, 1, 1],
    [1, 7, 33],
    [3, 0, 5],
    [0, 4, 4],
    [15, 17, 31],
    [29, 1025, 47],
    [32, 768, 96],
    [2, 2100, 300],
    [57, 900, 65],
    [300, 40, 64],
];

#[test]
fn the_same_values_as_without() {
    for isa in Isa::available() {
        with_isa(isa, || {
            for &[m, k, n] in SIZES {
                let (a, b, bias) = (values(m * k, 1), values(k * n, 2), values(n, 3));
                let epilogue =
                    Epilogue { bias: Some(&bias), activation: Some(Activation::Silu), ..Epilogue::default() };
                let left = Matrix::new(&a, m, k);
                let right = Matrix::new(&b, k, n);
                let packed = PackedMatrix::new(right);
                assert!(packed.is_current());
                assert!(packed.bytes() >= 4 * k * n);
                assert_eq!([packed.rows(), packed.columns()], [k, n]);
                let (mut plain, mut found) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
                gemm(left, right, &epilogue, &mut plain);
                gemm_packed(left, &packed, &epilogue, &mut found);
                assert_eq!(found, plain, "{isa}, {m} x {k} x {n}");
            }
        })
        .unwrap();
    }
}

#[test]
fn what_is_unpacked_is_what_was_packed() {
    for isa in Isa::available() {
        for &[_, k, n] in SIZES {
            let b = values(k * n, 4);
            let mut columns = vec![0.0; k * n];
            for (i, &x) in b.iter().enumerate() {
                columns[i % n * k + i / n] = x;
            }
            let views = [Matrix::new(&b, k, n), Matrix::new(&columns, n, k).transposed()];
            for view in views {
                let packed = with_isa(isa, || PackedMatrix::new(view)).unwrap();
                let mut found = vec![f32::NAN; k * n];
                packed.clone().unpack(&mut found);
                assert_eq!(found, b, "{isa}, {k} x {n}");
            }
        }
    }
}

#[test]
fn products_with_other_instructions_than_it_was_packed_for() {
    let [m, k, n] = [20, 1000, 70];
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    for from in Isa::available() {
        let packed = with_isa(from, || PackedMatrix::new(Matrix::new(&b, k, n))).unwrap();
        for to in Isa::available() {
            with_isa(to, || {
                assert_eq!(packed.is_current(), from == to);
                let (mut plain, mut found) = (vec![0.0; m * n], vec![0.0; m * n]);
                let left = Matrix::new(&a, m, k);
                gemm(left, Matrix::new(&b, k, n), &Epilogue::default(), &mut plain);
                gemm_packed(left, &packed, &Epilogue::default(), &mut found);
                assert_eq!(found, plain, "packed for {from}, used for {to}");
            })
            .unwrap();
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let [m, k, n] = [49, 1500, 333];
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    let packed = PackedMatrix::new(Matrix::new(&b, k, n));
    let run = || {
        let mut c = vec![0.0; m * n];
        gemm_packed(Matrix::new(&a, m, k), &packed, &Epilogue::default(), &mut c);
        c
    };
    let outside = run();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(run), outside, "{threads} threads");
    }
}

#[test]
fn what_is_not_a_number_stays_in_its_row_or_column() {
    let (mut a, mut b) = (vec![1.0; 5 * 40], vec![1.0; 40 * 50]);
    a[2 * 40 + 3] = f32::NAN;
    b[7 * 50 + 44] = f32::INFINITY;
    let packed = PackedMatrix::new(Matrix::new(&b, 40, 50));
    let mut c = vec![0.0; 5 * 50];
    gemm_packed(Matrix::new(&a, 5, 40), &packed, &Epilogue::default(), &mut c);
    for (at, x) in c.iter().enumerate() {
        match [at / 50, at % 50] {
            [2, _] => assert!(x.is_nan()),
            [_, 44] => assert_eq!(*x, f32::INFINITY),
            _ => assert_eq!(*x, 40.0),
        }
    }
}

#[test]
#[should_panic(expected = "columns of the left")]
fn factors_that_do_not_fit_are_refused() {
    let packed = PackedMatrix::new(Matrix::new(&[0.0; 4], 2, 2));
    gemm_packed(Matrix::new(&[0.0; 6], 2, 3), &packed, &Epilogue::default(), &mut [0.0; 4]);
}
