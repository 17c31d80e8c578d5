//! Activations against their definitions in `f64`.

use medkernels::Activation;

use crate::common::{
    SIZES, assert_close, for_each_isa, numbers, on_any_number_of_threads, sweep, ulps, worst,
};

const ALL: [Activation; 5] =
    [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu, Activation::Sigmoid];

/// The definition.
fn reference(activation: Activation, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match activation {
        Activation::Gelu => 0.5 * x * libm::erfc(-x / std::f64::consts::SQRT_2),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            x * sigmoid(2.0 * inner)
        }
        Activation::Silu => x * sigmoid(x),
        Activation::Relu if x.is_nan() => x,
        Activation::Relu => x.max(0.0),
        Activation::Sigmoid => sigmoid(x),
        _ => panic!("no reference"),
    }
}

/// The derivative by central differences of the definition.
fn derivative(activation: Activation, x: f64) -> f64 {
    let step = 1e-5;
    (reference(activation, x + step) - reference(activation, x - step)) / (2.0 * step)
}

#[test]
fn values_over_all_exponents() {
    let input: Vec<f32> = sweep(3001)
        .into_iter()
        .filter(|x| x.is_finite() || x.is_nan())
        .chain(numbers(500_000, 5, 15.0))
        .collect();
    let mut output = vec![0.0; input.len()];
    for activation in ALL {
        for_each_isa(|isa| {
            activation.forward(&input, &mut output);
            let limit = match activation {
                Activation::Gelu => 12.0,
                // The rounding of the cubic is amplified in the far tail.
                Activation::GeluTanh => 300.0,
                Activation::Relu => 0.0,
                _ => 4.0,
            };
            let (x, error) = worst(&input, &output, |x, y| {
                let expected = reference(activation, x.into());
                // Below, a factor may be denormal, and have few digits.
                if (f64::from(y) - expected).abs() < 1e-36 { 0.0 } else { ulps(y, expected) }
            });
            println!("{activation:?} {isa}: {error:.3} ulp at {x}");
            assert!(error <= limit, "{activation:?} {isa}: {error} ulp at {x}");
        });
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for size in SIZES {
        let input: Vec<f32> = numbers(size, 6, 8.0)
            .into_iter()
            // Away from the kink of ReLU.
            .map(|x| if x.abs() < 1e-3 { 0.5 } else { x })
            .collect();
        let grad = numbers(size, 7, 1.0);
        for activation in ALL {
            let expected: Vec<f64> = input
                .iter()
                .zip(&grad)
                .map(|(&x, &grad)| f64::from(grad) * derivative(activation, x.into()))
                .collect();
            for_each_isa(|isa| {
                let mut got = vec![0.0; size];
                activation.backward(&input, &grad, &mut got);
                assert_close(&got, &expected, 1e-6, &format!("{activation:?} {isa}"));
            });
        }
    }
}

#[test]
fn infinities_and_nan() {
    let ends = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e30, -1e30];
    let nan = f64::NAN;
    let inf = f64::INFINITY;
    let large = f64::from(1e30_f32);
    for_each_isa(|isa| {
        for activation in ALL {
            let what = format!("{activation:?} {isa}");
            let mut values = ends;
            activation.forward_in_place(&mut values);
            let expected = match activation {
                Activation::Sigmoid => [1.0, 0.0, nan, 1.0, 0.0],
                Activation::Relu => [inf, 0.0, nan, large, 0.0],
                _ => [inf, nan, nan, large, 0.0],
            };
            assert_close(&values, &expected, 0.0, &what);

            let mut slopes = [9.0; 5];
            activation.backward(&ends, &[1.0; 5], &mut slopes);
            let expected = match activation {
                Activation::Sigmoid => [0.0, 0.0, nan, 0.0, 0.0],
                Activation::Relu => [1.0, 0.0, 0.0, 1.0, 0.0],
                _ => [1.0, 0.0, nan, 1.0, 0.0],
            };
            assert_close(&slopes, &expected, 0.0, &what);
        }
    });
}

#[test]
fn in_place_and_threads_change_no_bit() {
    for size in SIZES {
        let input = numbers(size, 8, 6.0);
        let grad = numbers(size, 9, 1.0);
        for activation in ALL {
            let (expected, _) = on_any_number_of_threads(|| {
                let mut output = vec![0.0; size];
                activation.forward(&input, &mut output);
                let mut grad_input = vec![0.0; size];
                activation.backward(&input, &grad, &mut grad_input);
                (output, grad_input)
            });
            let mut values = input.clone();
            activation.forward_in_place(&mut values);
            assert_eq!(values, expected);
        }
    }
}

#[test]
fn a_bias_is_added_first() {
    for width in SIZES {
        let rows = if width > 10_000 { 1 } else { 3 };
        let input = numbers(rows * width, 10, 4.0);
        let bias = numbers(width, 11, 2.0);
        for activation in ALL {
            let sums: Vec<f32> = input.iter().zip(bias.iter().cycle()).map(|(x, b)| x + b).collect();
            for_each_isa(|isa| {
                let mut expected = vec![0.0; sums.len()];
                activation.forward(&sums, &mut expected);
                let mut values = input.clone();
                activation.add_bias_in_place(&mut values, &bias);
                assert_eq!(values, expected, "{activation:?} {isa}");
            });
        }
    }
    let input = numbers(300 * 257, 10, 4.0);
    let bias = numbers(257, 11, 2.0);
    on_any_number_of_threads(|| {
        let mut values = input.clone();
        Activation::Gelu.add_bias_in_place(&mut values, &bias);
        values
    });
}

#[test]
fn gates_and_their_gradients() {
    let shapes = SIZES.map(|width| (if width > 10_000 { 1 } else { 3 }, width));
    for (rows, width) in shapes.into_iter().chain([(200, 257)]) {
        let input = numbers(rows * 2 * width, 12, 4.0);
        let grad = numbers(rows * width, 13, 1.0);
        for activation in ALL {
            let mut expected = Vec::new();
            let mut expected_grad = vec![0.0; input.len()];
            for index in 0..rows * width {
                let at = index / width * 2 * width + index % width;
                let (gate, value) = (f64::from(input[at]), f64::from(input[at + width]));
                let grad = f64::from(grad[index]);
                expected.push(reference(activation, gate) * value);
                expected_grad[at] = grad * value * derivative(activation, gate);
                expected_grad[at + width] = grad * reference(activation, gate);
            }
            for_each_isa(|isa| {
                let mut output = vec![0.0; rows * width];
                activation.gated_forward(&input, width, &mut output);
                let mut grad_input = vec![0.0; input.len()];
                activation.gated_backward(&input, &grad, width, &mut grad_input);
                let what = format!("{activation:?} {isa} {width}");
                assert_close(&output, &expected, 1e-6, &what);
                assert_close(&grad_input, &expected_grad, 2e-6, &what);
            });
            on_any_number_of_threads(|| {
                let mut output = vec![0.0; rows * width];
                activation.gated_forward(&input, width, &mut output);
                let mut grad_input = vec![0.0; input.len()];
                activation.gated_backward(&input, &grad, width, &mut grad_input);
                (output, grad_input)
            });
        }
    }
}

#[test]
#[should_panic(expected = "lengths of input and output")]
fn lengths_must_agree() {
    Activation::Gelu.forward(&[0.0; 3], &mut [0.0; 2]);
}
