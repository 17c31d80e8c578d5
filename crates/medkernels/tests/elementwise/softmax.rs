//! Softmax against its definition in `f64`.

use medkernels::softmax::{
    masked_softmax_in_place, softmax_backward, softmax_in_place, softmax_in_place_with_log_sum_exp,
};

use crate::common::{SIZES, assert_close, for_each_isa, numbers, on_any_number_of_threads};

/// Rows and widths: narrow and wide, and enough for several threads.
fn shapes() -> impl Iterator<Item = (usize, usize)> {
    SIZES.into_iter().map(|width| (3, width)).chain([(300, 257), (70_001, 1), (20_000, 3)])
}

/// Softmax and log-sum-exp of each row, of the columns that are not excluded.
fn reference(
    values: &[f64],
    width: usize,
    scale: f64,
    excluded: impl Fn(usize) -> bool,
) -> (Vec<f64>, Vec<f64>) {
    let mut output = Vec::new();
    let mut log_sums = Vec::new();
    for (row, values) in values.chunks_exact(width.max(1)).enumerate() {
        let scaled: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(column, x)| if excluded(row * width + column) { f64::NEG_INFINITY } else { scale * x })
            .collect();
        let largest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scaled.iter().map(|x| (x - largest).exp()).sum();
        output.extend(scaled.iter().map(|x| (x - largest).exp() / sum));
        log_sums.push(largest + sum.ln());
    }
    (output, log_sums)
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[test]
fn rows_sum_to_one() {
    for (rows, width) in shapes() {
        let input = numbers(rows * width, 1, 30.0);
        for scale in [1.0, 0.125, -0.5, 0.0] {
            let (expected, log_sums) = reference(&widen(&input), width, scale.into(), |_| false);
            for_each_isa(|isa| {
                let mut values = input.clone();
                let mut got = vec![0.0; expected.len() / width.max(1)];
                softmax_in_place_with_log_sum_exp(&mut values, width, scale, &mut got);
                let what = format!("{isa} {rows}x{width} scale {scale}");
                assert_close(&values, &expected, 1e-6, &what);
                assert_close(&got, &log_sums, 1e-6, &what);
                for (&value, &expected) in values.iter().zip(&expected) {
                    let error = (f64::from(value) - expected).abs();
                    // The difference from the largest, of up to 60, is rounded.
                    assert!(error <= 1e-5 * expected + 1e-42, "{what}: {value}, expected {expected}");
                }
            });
        }
    }
}

#[test]
fn large_numbers_do_not_overflow() {
    for_each_isa(|isa| {
        let mut values = [1e4, 1e4 - 1.0, f32::NEG_INFINITY, -3e38, -1e4, -1e4 - 1.0, -2e4, -3e38];
        softmax_in_place(&mut values, 4, 1.0);
        let one = 1.0 / (1.0 + (-1.0_f64).exp());
        let expected = [one, 1.0 - one, 0.0, 0.0, one, 1.0 - one, 0.0, 0.0];
        assert_close(&values, &expected, 1e-6, &isa.to_string());
    });
}

#[test]
fn rows_without_an_answer_are_nan_and_their_neighbours_are_not() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for width in [1, 5, 17, 70] {
        for poison in [
            vec![-inf; width],
            vec![nan; width],
            {
                let mut row = vec![0.5; width];
                row[width / 2] = inf;
                row
            },
            {
                let mut row = vec![0.5; width];
                row[width - 1] = nan;
                row
            },
        ] {
            for_each_isa(|isa| {
                let mut values = [vec![0.0; width], poison.clone(), vec![0.0; width]].concat();
                let mut log_sums = [0.0; 3];
                softmax_in_place_with_log_sum_exp(&mut values, width, 1.0, &mut log_sums);
                let (before, rest) = values.split_at(width);
                let (poisoned, after) = rest.split_at(width);
                assert!(poisoned.iter().all(|x| x.is_nan()), "{isa}: {poisoned:?}");
                assert!(before.iter().chain(after).all(|x| *x > 0.0), "{isa}");
                assert!(log_sums[1].is_nan() && !log_sums[0].is_nan() && !log_sums[2].is_nan(), "{isa}");
            });
        }
    }
}

#[test]
fn excluded_columns_are_zero() {
    for (rows, width) in [(6, 1), (6, 15), (6, 16), (6, 33), (6, 1000), (600, 257)] {
        let mut input = numbers(rows * width, 2, 5.0);
        for mask_rows in [1, 2, 3, rows] {
            let mut excluded: Vec<bool> =
                numbers(mask_rows * width, 3, 1.0).into_iter().map(|x| x > 0.2).collect();
            excluded.iter_mut().step_by(width).for_each(|first| *first = false);
            let repeats = rows / mask_rows;
            let at = |index: usize| excluded[index / width / repeats * width + index % width];
            // What is excluded does not count, whatever it is.
            for index in (0..input.len()).filter(|&index| at(index)).step_by(7) {
                input[index] = f32::NAN;
            }
            let (expected, _) = reference(&widen(&input), width, 0.5, at);
            for_each_isa(|isa| {
                let got = on_any_number_of_threads(|| {
                    medkernels::with_isa(isa, || {
                        let mut values = input.clone();
                        masked_softmax_in_place(&mut values, width, 0.5, &excluded);
                        values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
                    })
                });
                let got: Vec<f32> = got.unwrap().into_iter().map(f32::from_bits).collect();
                assert_close(&got, &expected, 1e-6, &format!("{isa} {rows}x{width} {mask_rows}"));
                assert!((0..got.len()).all(|index| !at(index) || got[index] == 0.0));
            });
            input.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = 1.0);
        }
    }
    let mut values = [1.0, 2.0];
    masked_softmax_in_place(&mut values, 2, 1.0, &[true, true]);
    assert!(values.iter().all(|x| x.is_nan()));
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (rows, width) in [(3, 1), (3, 15), (3, 16), (3, 33), (2, 100)] {
        let input = numbers(rows * width, 4, 3.0);
        let grad = numbers(rows * width, 5, 1.0);
        let scale = 0.7;
        let loss = |input: &[f64]| -> f64 {
            let (output, _) = reference(input, width, scale, |_| false);
            output.iter().zip(&grad).map(|(y, &grad)| y * f64::from(grad)).sum()
        };
        let expected = differences(&widen(&input), loss);
        for_each_isa(|isa| {
            let mut output = input.clone();
            softmax_in_place(&mut output, width, scale as f32);
            let mut got = vec![0.0; input.len()];
            softmax_backward(&output, &grad, width, scale as f32, &mut got);
            assert_close(&got, &expected, 1e-6, &format!("{isa} {width}"));
        });
    }
}

/// The gradient of `loss` by central differences.
pub(crate) fn differences(at: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    (0..at.len())
        .map(|index| {
            let mut moved = at.to_vec();
            moved[index] += step;
            let above = loss(&moved);
            moved[index] -= 2.0 * step;
            (above - loss(&moved)) / (2.0 * step)
        })
        .collect()
}

#[test]
fn threads_change_no_bit() {
    for (rows, width) in shapes() {
        let input = numbers(rows * width, 6, 8.0);
        let grad = numbers(rows * width, 7, 1.0);
        on_any_number_of_threads(|| {
            let mut output = input.clone();
            softmax_in_place(&mut output, width, 0.3);
            let mut grad_input = vec![0.0; input.len()];
            softmax_backward(&output, &grad, width, 0.3, &mut grad_input);
            (output, grad_input)
        });
    }
}

#[test]
#[should_panic(expected = "whole rows of 2")]
fn rows_must_be_whole() {
    softmax_in_place(&mut [0.0; 3], 2, 1.0);
}

#[test]
#[should_panic(expected = "a mask of 4 does not serve 3 rows of 2")]
fn masks_must_serve_all_rows() {
    masked_softmax_in_place(&mut [0.0; 6], 2, 1.0, &[false; 4]);
}
