//! Normalisation against its definition in `f64`.

use medkernels::norm::{LayerNorm, RmsNorm, layer_scale, layer_scale_add};

use crate::common::{SIZES, assert_close, for_each_isa, numbers, on_any_number_of_threads};
use crate::softmax::differences;

const EPSILON: f32 = 1e-5;

fn shapes() -> impl Iterator<Item = (usize, usize)> {
    SIZES.into_iter().map(|width| (3, width)).chain([(300, 257), (2500, 7)])
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn layer_norm(input: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<f64> {
    let width = gamma.len();
    let mut output = Vec::new();
    for row in input.chunks_exact(width.max(1)) {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let std = (variance + f64::from(EPSILON)).sqrt();
        output.extend(
            row.iter().zip(gamma).zip(beta).map(|((x, gamma), beta)| (x - mean) / std * gamma + beta),
        );
    }
    output
}

fn rms_norm(input: &[f64], gamma: &[f64]) -> Vec<f64> {
    let width = gamma.len();
    let mut output = Vec::new();
    for row in input.chunks_exact(width.max(1)) {
        let rms = (row.iter().map(|x| x * x).sum::<f64>() / width as f64 + f64::from(EPSILON)).sqrt();
        output.extend(row.iter().zip(gamma).map(|(x, gamma)| x / rms * gamma));
    }
    output
}

#[test]
fn layer_norm_is_its_definition() {
    for (rows, width) in shapes() {
        let input = numbers(rows * width, 1, 3.0);
        let gamma = numbers(width, 2, 2.0);
        let beta = numbers(width, 3, 1.0);
        let expected = layer_norm(&widen(&input), &widen(&gamma), &widen(&beta));
        let plain = layer_norm(&widen(&input), &widen(&gamma), &vec![0.0; width]);
        for_each_isa(|isa| {
            let what = format!("{isa} {rows}x{width}");
            let norm = LayerNorm { gamma: &gamma, beta: Some(&beta), epsilon: EPSILON };
            let mut output = vec![0.0; input.len()];
            norm.forward(&input, &mut output);
            assert_close(&output, &expected, 3e-6, &what);

            let mut again = vec![0.0; input.len()];
            let statistics = norm.forward_with_statistics(&input, &mut again);
            assert_eq!(again, output, "{what}");
            assert_eq!(statistics.mean.len(), if width == 0 { 0 } else { rows }, "{what}");

            LayerNorm { beta: None, ..norm }.forward(&input, &mut output);
            assert_close(&output, &plain, 3e-6, &what);
        });
    }
}

#[test]
fn rows_far_from_zero_keep_their_digits() {
    let (rows, width) = (5, 768);
    let input: Vec<f32> = numbers(rows * width, 4, 3.0_f32.sqrt()).into_iter().map(|x| 1e4 + x).collect();
    let gamma = vec![1.0; width];
    let beta = vec![0.0; width];
    let grad = numbers(rows * width, 5, 1.0);
    let wide = widen(&input);
    let expected = layer_norm(&wide, &widen(&gamma), &widen(&beta));
    let mut expected_gamma = vec![0.0; width];
    for (index, (x, &grad)) in expected.iter().zip(&grad).enumerate() {
        expected_gamma[index % width] += x * f64::from(grad);
    }
    for_each_isa(|isa| {
        let norm = LayerNorm { gamma: &gamma, beta: Some(&beta), epsilon: EPSILON };
        let mut output = vec![0.0; input.len()];
        let statistics = norm.forward_with_statistics(&input, &mut output);
        assert_close(&output, &expected, 1e-6, &isa.to_string());
        let mut grad_input = vec![0.0; input.len()];
        let grads = norm.backward(&input, &statistics, &grad, &mut grad_input);
        assert_close(&grads.gamma, &expected_gamma, 3e-6, &isa.to_string());
    });
}

#[test]
fn layer_norm_gradients_are_those_of_finite_differences() {
    for (rows, width) in [(3, 1), (3, 15), (3, 16), (40, 17), (3, 33)] {
        let input = numbers(rows * width, 6, 3.0);
        let gamma = numbers(width, 7, 2.0);
        let beta = numbers(width, 8, 1.0);
        let grad = numbers(rows * width, 9, 1.0);
        let loss = |input: &[f64], gamma: &[f64], beta: &[f64]| -> f64 {
            let output = layer_norm(input, gamma, beta);
            output.iter().zip(&grad).map(|(y, &grad)| y * f64::from(grad)).sum()
        };
        let (x, g, b) = (widen(&input), widen(&gamma), widen(&beta));
        let by_input = differences(&x, |x| loss(x, &g, &b));
        let by_gamma = differences(&g, |g| loss(&x, g, &b));
        let by_beta = differences(&b, |b| loss(&x, &g, b));
        for_each_isa(|isa| {
            let what = format!("{isa} {rows}x{width}");
            let norm = LayerNorm { gamma: &gamma, beta: Some(&beta), epsilon: EPSILON };
            let mut output = vec![0.0; input.len()];
            let statistics = norm.forward_with_statistics(&input, &mut output);
            let mut grad_input = vec![0.0; input.len()];
            let grads = norm.backward(&input, &statistics, &grad, &mut grad_input);
            assert_close(&grad_input, &by_input, 5e-6, &what);
            assert_close(&grads.gamma, &by_gamma, 5e-6, &what);
            assert_close(&grads.beta, &by_beta, 5e-6, &what);
        });
    }
}

#[test]
fn a_residual_is_added_first() {
    for (rows, width) in shapes() {
        let residual = numbers(rows * width, 10, 3.0);
        let branch = numbers(rows * width, 11, 3.0);
        let gamma = numbers(width, 12, 2.0);
        let beta = numbers(width, 13, 1.0);
        let norm = LayerNorm { gamma: &gamma, beta: Some(&beta), epsilon: EPSILON };
        let sums: Vec<f32> = residual.iter().zip(&branch).map(|(a, b)| a + b).collect();
        for_each_isa(|isa| {
            let mut expected = vec![0.0; sums.len()];
            norm.forward(&sums, &mut expected);
            let mut sum = residual.clone();
            let mut output = vec![0.0; sums.len()];
            norm.add_forward(&mut sum, &branch, &mut output);
            assert_eq!(sum, sums, "{isa} {rows}x{width}");
            assert_eq!(output, expected, "{isa} {rows}x{width}");
        });
    }
}

#[test]
fn rms_norm_is_its_definition() {
    for (rows, width) in shapes() {
        let input = numbers(rows * width, 14, 3.0);
        let gamma = numbers(width, 15, 2.0);
        let expected = rms_norm(&widen(&input), &widen(&gamma));
        for_each_isa(|isa| {
            let norm = RmsNorm { gamma: &gamma, epsilon: EPSILON };
            let mut output = vec![0.0; input.len()];
            norm.forward(&input, &mut output);
            assert_close(&output, &expected, 2e-6, &format!("{isa} {rows}x{width}"));
            let mut again = vec![0.0; input.len()];
            norm.forward_with_inverse_rms(&input, &mut again);
            assert_eq!(again, output);
        });
    }
}

#[test]
fn rms_norm_gradients_are_those_of_finite_differences() {
    for (rows, width) in [(3, 1), (3, 15), (3, 16), (40, 17), (3, 33)] {
        let input = numbers(rows * width, 16, 3.0);
        let gamma = numbers(width, 17, 2.0);
        let grad = numbers(rows * width, 18, 1.0);
        let loss = |input: &[f64], gamma: &[f64]| -> f64 {
            let output = rms_norm(input, gamma);
            output.iter().zip(&grad).map(|(y, &grad)| y * f64::from(grad)).sum()
        };
        let (x, g) = (widen(&input), widen(&gamma));
        let by_input = differences(&x, |x| loss(x, &g));
        let by_gamma = differences(&g, |g| loss(&x, g));
        for_each_isa(|isa| {
            let norm = RmsNorm { gamma: &gamma, epsilon: EPSILON };
            let mut output = vec![0.0; input.len()];
            let inverse_rms = norm.forward_with_inverse_rms(&input, &mut output);
            let mut grad_input = vec![0.0; input.len()];
            let grad_gamma = norm.backward(&input, &inverse_rms, &grad, &mut grad_input);
            assert_close(&grad_input, &by_input, 5e-6, &format!("{isa} {width}"));
            assert_close(&grad_gamma, &by_gamma, 5e-6, &format!("{isa} {width}"));
        });
    }
}

#[test]
fn layer_scale_is_its_definition() {
    for (rows, width) in shapes() {
        let residual = numbers(rows * width, 19, 3.0);
        let branch = numbers(rows * width, 20, 3.0);
        let gamma = numbers(width, 21, 2.0);
        let expected: Vec<f64> = (0..residual.len())
            .map(|i| f64::from(residual[i]) + f64::from(gamma[i % width]) * f64::from(branch[i]))
            .collect();
        for_each_isa(|isa| {
            let mut output = vec![0.0; residual.len()];
            layer_scale_add(&residual, &branch, &gamma, &mut output);
            assert_close(&output, &expected, 1e-6, &format!("{isa} {rows}x{width}"));
            layer_scale(&branch, &gamma, &mut output);
            let scaled: Vec<f64> =
                (0..branch.len()).map(|i| f64::from(gamma[i % width]) * f64::from(branch[i])).collect();
            assert_close(&output, &scaled, 1e-6, &format!("{isa} {rows}x{width}, without a residual"));
        });
    }
}

#[test]
fn nan_stays_in_its_row() {
    for width in [1, 16, 33] {
        let gamma = vec![1.0; width];
        for poison in [f32::NAN, f32::INFINITY] {
            let mut input = numbers(3 * width, 22, 1.0);
            input[width + width / 2] = poison;
            for_each_isa(|isa| {
                let mut layer = vec![0.0; input.len()];
                LayerNorm { gamma: &gamma, beta: None, epsilon: EPSILON }.forward(&input, &mut layer);
                let mut rms = vec![0.0; input.len()];
                RmsNorm { gamma: &gamma, epsilon: EPSILON }.forward(&input, &mut rms);
                for index in 0..input.len() {
                    let poisoned = index / width == 1;
                    assert_eq!(layer[index].is_nan(), poisoned, "{isa} {poison} {index}");
                    assert!(poisoned || !rms[index].is_nan(), "{isa} {poison} {index}");
                }
                assert!(rms[width + width / 2].is_nan(), "{isa} {poison}");
            });
        }
    }
}

#[test]
fn threads_change_no_bit() {
    for (rows, width) in shapes() {
        let input = numbers(rows * width, 23, 3.0);
        let gamma = numbers(width, 24, 2.0);
        let grad = numbers(rows * width, 25, 1.0);
        on_any_number_of_threads(|| {
            let norm = LayerNorm { gamma: &gamma, beta: Some(&gamma), epsilon: EPSILON };
            let mut output = vec![0.0; input.len()];
            let statistics = norm.forward_with_statistics(&input, &mut output);
            let mut grad_input = vec![0.0; input.len()];
            let grads = norm.backward(&input, &statistics, &grad, &mut grad_input);
            (output, grad_input, grads.gamma, grads.beta)
        });
        on_any_number_of_threads(|| {
            let norm = RmsNorm { gamma: &gamma, epsilon: EPSILON };
            let mut output = vec![0.0; input.len()];
            let inverse_rms = norm.forward_with_inverse_rms(&input, &mut output);
            let mut grad_input = vec![0.0; input.len()];
            let grad_gamma = norm.backward(&input, &inverse_rms, &grad, &mut grad_input);
            (output, grad_input, grad_gamma)
        });
    }
}

#[test]
#[should_panic(expected = "lengths of gamma and beta")]
fn parameters_must_agree() {
    LayerNorm { gamma: &[1.0; 2], beta: Some(&[0.0; 3]), epsilon: 0.0 }.forward(&[0.0; 4], &mut [0.0; 4]);
}
