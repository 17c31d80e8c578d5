//! Products in 8 bits.
#![allow(clippy::unwrap_used)]

use medkernels::gemm::{Epilogue, Matrix};
use medkernels::int8::{Int8Matrix, gemm_int8};
use medkernels::{Activation, Isa, with_isa};

const SIZES: &[[usize; 3]] = &[
    [1, 1, 1],
    [1, 7, 33],
    [3, 0, 5],
    [0, 4, 4],
    [15, 17, 31],
    [29, 1025, 47],
    [32, 768, 96],
    [2, 2100, 70],
    [57, 900, 65],
    [300, 42, 64],
    [57, 3072, 40],
];

fn values(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// Whole numbers from `low` to `high`, both of which are among those of each row of `width`, as far as it has so many.
fn whole(n: usize, width: usize, [low, high]: [i32; 2]) -> Vec<f32> {
    let other = |i: usize| low + ((i * 7919) % (high - low + 1) as usize) as i32;
    let ends = |i: usize| match i % width.max(1) {
        0 => high,
        1 => low,
        _ => other(i),
    };
    (0..n).map(|i| ends(i) as f32).collect()
}

fn transposed(x: &[f32], width: usize) -> Vec<f32> {
    (0..x.len()).map(|i| x[i % (x.len() / width) * width + i / (x.len() / width)]).collect()
}

fn product(a: &[f32], b: &[f32], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let dot = |i: usize| (0..k).map(|l| f64::from(a[i / n * k + l]) * f64::from(b[l * n + i % n])).sum();
    (0..m * n).map(dot).collect()
}

fn int8(a: &[f32], b: &[f32], [m, k, n]: [usize; 3], epilogue: &Epilogue<'_>) -> Vec<f32> {
    let mut c = vec![f32::NAN; m * n];
    gemm_int8(Matrix::new(a, m, k), &Int8Matrix::new(Matrix::new(b, k, n)), epilogue, &mut c);
    c
}

#[test]
fn whole_numbers_of_8_bits_are_multiplied_exactly() {
    for isa in Isa::available() {
        with_isa(isa, || {
            for &size in SIZES.iter().chain(&[[3, 65_536, 5]]) {
                let [m, k, n] = size;
                // A scale of 1, a zero of 0, of 255 and of one between.
                for range in [[0, 255], [-255, 0], [-100, 155]] {
                    let a = whole(m * k, k, range);
                    let b = transposed(&whole(k * n, k, [-127, 127]), k.max(1));
                    let found = int8(&a, &b, size, &Epilogue::default());
                    for (found, exact) in found.into_iter().zip(product(&a, &b, size)) {
                        // A depth of one has no other end for the scale to be 1.
                        let slack = if k > 1 { 1e-7 } else { 1e-6 };
                        assert!(
                            (f64::from(found) - exact).abs() <= slack * exact.abs(),
                            "{isa}, {size:?}, {range:?}: {found}, not {exact}"
                        );
                    }
                }
            }
            // As large as sums can be.
            let ones = |x: f32, n: usize| vec![x; n];
            let c = int8(&ones(255.0, 65_536), &ones(-127.0, 65_536), [1, 65_536, 1], &Epilogue::default());
            assert_eq!(c, [-255.0 * 127.0 * 65_536.0]);
        })
        .unwrap();
    }
}

#[test]
fn values_are_off_by_the_roundings_of_both_sides_at_most() {
    for isa in Isa::available() {
        with_isa(isa, || {
            for &size in SIZES {
                let [m, k, n] = size;
                let (a, b) = (values(m * k, 1), values(k * n, 2));
                let found = int8(&a, &b, size, &Epilogue::default());
                let exact = product(&a, &b, size);
                for (i, (found, exact)) in found.into_iter().zip(exact).enumerate() {
                    let row = a[i / n * k..][..k].iter().map(|&x| f64::from(x));
                    let column = (0..k).map(|l| f64::from(b[l * n + i % n]));
                    let (low, high) = row.clone().fold((0.0, 0.0), |(l, h), x| (x.min(l), x.max(h)));
                    let (s, t) =
                        ((high - low) / 255.0, column.clone().fold(0.0, |t, w| w.abs().max(t)) / 127.0);
                    let bound: f64 =
                        row.zip(column).map(|(x, w)| 0.5 * (x.abs() * t + w.abs() * s) + 0.25 * s * t).sum();
                    let off = (f64::from(found) - exact).abs();
                    assert!(
                        off <= 1.001 * bound + 1e-6,
                        "{isa}, {size:?}: {found}, not {exact}, bound {bound}"
                    );
                }
            }
        })
        .unwrap();
    }
}

#[test]
fn every_instruction_set_gives_the_same() {
    for &size in SIZES {
        let [m, k, n] = size;
        let (a, b, bias, residual) = (values(m * k, 1), values(k * n, 2), values(n, 3), values(m * n, 4));
        let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), ..Epilogue::default() };
        let plain = with_isa(Isa::Portable, || int8(&a, &b, size, &epilogue)).unwrap();
        for isa in Isa::available() {
            assert_eq!(with_isa(isa, || int8(&a, &b, size, &epilogue)).unwrap(), plain, "{isa}, {size:?}");
        }
    }
}

#[test]
fn what_follows_the_product_is_done() {
    let size @ [m, k, n] = [57, 300, 70];
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    let (bias, scale, residual) = (values(n, 3), values(n, 4), values(m * n, 5));
    for isa in Isa::available() {
        with_isa(isa, || {
            let plain = int8(&a, &b, size, &Epilogue::default());
            let epilogue = Epilogue {
                alpha: 0.5,
                bias: Some(&bias),
                activation: Some(Activation::Relu),
                scale: Some(&scale),
                residual: Some(&residual),
                ..Epilogue::default()
            };
            let found = int8(&a, &b, size, &epilogue);
            for (i, (found, x)) in found.into_iter().zip(plain).enumerate() {
                let expected = residual[i] + scale[i % n] * (0.5 * x + bias[i % n]).max(0.0);
                assert!((found - expected).abs() <= 1e-5, "{isa}, {i}: {found}, not {expected}");
            }
        })
        .unwrap();
    }
}

#[test]
fn rows_and_columns_may_lie_in_any_order() {
    let size @ [m, k, n] = [31, 77, 50];
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    let (a_columns, b_columns) = (transposed(&a, k), transposed(&b, n));
    for isa in Isa::available() {
        with_isa(isa, || {
            let right = Int8Matrix::new(Matrix::new(&b_columns, n, k).transposed());
            let mut c = vec![f32::NAN; m * n];
            gemm_int8(
                Matrix::new(&a_columns, k, m).transposed(),
                &right.clone(),
                &Epilogue::default(),
                &mut c,
            );
            assert_eq!(c, int8(&a, &b, size, &Epilogue::default()));
        })
        .unwrap();
    }
}

#[test]
fn weights_are_half_a_scale_off_at_most() {
    for isa in Isa::available() {
        for &[_, k, n] in SIZES {
            let b = values(k * n, 4);
            let packed = with_isa(isa, || Int8Matrix::new(Matrix::new(&b, k, n))).unwrap();
            assert_eq!([packed.rows(), packed.columns()], [k, n]);
            assert!(packed.bytes() >= k * n && packed.bytes() < k * n + 64 * (k + n + 32));
            let mut found = vec![f32::NAN; k * n];
            packed.unpack(&mut found);
            let most: Vec<f32> = (0..n)
                .map(|column| (0..k).fold(0.0, |most, row| b[row * n + column].abs().max(most)))
                .collect();
            for (i, (found, w)) in found.iter().zip(&b).enumerate() {
                let off = (found - w).abs();
                assert!(off <= 0.501 / 127.0 * most[i % n], "{isa}, {k} x {n}: {w} became {found}");
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for size in [[49, 1500, 333], [200, 700, 333]] {
        let [m, k, n] = size;
        let (a, b) = (values(m * k, 1), values(k * n, 2));
        let run = || int8(&a, &b, size, &Epilogue::default());
        let outside = run();
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(run), outside, "{threads} threads");
        }
    }
}

#[test]
fn what_is_not_finite_shows_in_its_row_or_column_and_nowhere_else() {
    for isa in Isa::available() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            with_isa(isa, || {
                let (mut a, mut b) = (vec![1.0; 5 * 40], vec![1.0; 40 * 50]);
                a[2 * 40 + 3] = bad;
                b[7 * 50 + 44] = bad;
                for (at, x) in int8(&a, &b, [5, 40, 50], &Epilogue::default()).into_iter().enumerate() {
                    if at / 50 == 2 || at % 50 == 44 {
                        assert!(x.is_nan(), "{isa}, {bad} at {at} became {x}");
                    } else {
                        assert!((x - 40.0).abs() < 1e-4);
                    }
                }
            })
            .unwrap();
        }
    }
}

#[test]
#[should_panic(expected = "columns of the left")]
fn factors_that_do_not_fit_are_refused() {
    let right = Int8Matrix::new(Matrix::new(&[0.0; 4], 2, 2));
    gemm_int8(Matrix::new(&[0.0; 6], 2, 3), &right, &Epilogue::default(), &mut [0.0; 4]);
}

#[test]
#[should_panic(expected = "at most 65536 rows in 8 bits, not 65537")]
fn too_many_rows_are_refused() {
    Int8Matrix::new(Matrix::new(&vec![0.0; 65_537], 65_537, 1));
}
