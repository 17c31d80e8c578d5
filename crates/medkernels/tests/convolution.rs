//! Convolutions against plain loops in double precision.
#![allow(clippy::unwrap_used)]

use medkernels::convolution::{Conv2d, conv2d, conv2d_input_gradient, conv2d_weight_gradient};
use medkernels::gemm::Epilogue;
use medkernels::{Activation, Isa, with_isa};

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

fn expected(input: &[f32], weight: &[f32], sizes: &Conv2d, batch: usize, outputs: usize) -> Vec<f64> {
    let [height, width] = sizes.output_size();
    let [kh, kw] = sizes.kernel;
    let mut out = Vec::new();
    for b in 0..batch {
        for o in 0..outputs {
            for y in 0..height {
                for x in 0..width {
                    let mut sum = 0.0;
                    for c in 0..sizes.channels {
                        for ky in 0..kh {
                            for kx in 0..kw {
                                let iy = (y * sizes.stride[0] + ky * sizes.dilation[0]) as isize
                                    - sizes.padding[0] as isize;
                                let ix = (x * sizes.stride[1] + kx * sizes.dilation[1]) as isize
                                    - sizes.padding[1] as isize;
                                let inside = |i: isize, n: usize| (0..n as isize).contains(&i);
                                if inside(iy, sizes.size[0]) && inside(ix, sizes.size[1]) {
                                    let pixel = ((b * sizes.channels + c) * sizes.size[0] + iy as usize)
                                        * sizes.size[1];
                                    let tap = ((o * sizes.channels + c) * kh + ky) * kw + kx;
                                    sum += f64::from(input[pixel + ix as usize]) * f64::from(weight[tap]);
                                }
                            }
                        }
                    }
                    out.push(sum);
                }
            }
        }
    }
    out
}

fn sizes(
    channels: usize,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
    dilation: usize,
) -> Conv2d {
    Conv2d { channels, size, kernel, stride: [stride; 2], padding: [padding; 2], dilation: [dilation; 2] }
}

fn cases() -> Vec<(Conv2d, usize)> {
    vec![
        (sizes(1, [1, 1], [1, 1], 1, 0, 1), 1),
        (sizes(5, [9, 11], [1, 1], 1, 0, 1), 20),
        (sizes(5, [9, 11], [1, 1], 2, 0, 1), 3),
        (sizes(3, [20, 37], [3, 3], 1, 1, 1), 17),
        (sizes(3, [21, 38], [3, 3], 2, 1, 1), 17),
        (sizes(3, [40, 33], [7, 7], 4, 3, 1), 8),
        (sizes(2, [12, 13], [3, 3], 1, 2, 2), 5),
        (sizes(3, [28, 42], [14, 14], 14, 0, 1), 33),
        (sizes(2, [3, 4], [5, 3], 1, 4, 1), 2),
        (sizes(1, [2, 2], [3, 3], 3, 5, 1), 2),
        (sizes(70, [14, 14], [3, 3], 1, 1, 1), 40),
        // Blocks of pixels that begin within one image and end within another.
        (sizes(3, [25, 37], [3, 3], 1, 1, 1), 17),
        // Few pixels, and many.
        (sizes(40, [7, 7], [3, 3], 1, 1, 1), 35),
        (sizes(33, [7, 7], [1, 1], 1, 0, 1), 35),
        (sizes(110, [33, 33], [3, 3], 1, 1, 1), 3),
        (sizes(3, [33, 37], [3, 3], 1, 1, 1), 17),
        (sizes(5, [33, 37], [1, 1], 1, 0, 1), 17),
        // Another stride, padding and dilation along each axis.
        (
            Conv2d {
                stride: [2, 1],
                padding: [0, 3],
                dilation: [1, 2],
                ..sizes(3, [11, 14], [3, 2], 1, 0, 1)
            },
            6,
        ),
        (
            Conv2d {
                stride: [1, 3],
                padding: [2, 0],
                dilation: [3, 1],
                ..sizes(5, [12, 17], [2, 3], 1, 0, 1)
            },
            9,
        ),
    ]
}

/// The convolution is linear in both factors: with any `x`, `w` and `g`, `<g, w * x>` is `<dx, x>` where `dx` is the gradient for `g`, and
/// `<dw, w>`. Taken with one factor a unit vector at a time, that is every element of the gradients.
#[test]
fn gradients_are_those_of_the_sum_of_products() {
    for (sizes, outputs) in cases() {
        let batch = 2;
        let input = values(batch * sizes.channels * sizes.size[0] * sizes.size[1], 1);
        let weight = values(outputs * sizes.channels * sizes.kernel[0] * sizes.kernel[1], 2);
        let pixels: usize = sizes.output_size().iter().product();
        let gradient = values(batch * outputs * pixels, 3);
        let product = |input: &[f32], weight: &[f32]| -> f64 {
            let out = expected(input, weight, &sizes, batch, outputs);
            out.iter().zip(&gradient).map(|(x, &g)| x * f64::from(g)).sum()
        };
        let found: Vec<_> = Isa::available()
            .map(|isa| {
                let (mut to_input, mut to_weight) =
                    (vec![f32::NAN; input.len()], vec![f32::NAN; weight.len()]);
                with_isa(isa, || {
                    conv2d_input_gradient(&gradient, &weight, &sizes, &mut to_input);
                    conv2d_weight_gradient(&input, &gradient, &sizes, &mut to_weight);
                })
                .unwrap();
                (isa, to_input, to_weight)
            })
            .collect();
        let check = |found: f32, expected: f64, what: &str| {
            let close = (f64::from(found) - expected).abs() < 1e-4 * (1.0 + expected.abs());
            assert!(close, "{sizes:?}, {what}: {found} for {expected}");
        };
        for at in (0..input.len()).step_by(input.len() / 3 + 1) {
            let mut unit = vec![0.0; input.len()];
            unit[at] = 1.0;
            let expected = product(&unit, &weight);
            found.iter().for_each(|(isa, to, _)| check(to[at], expected, &format!("{isa}, input {at}")));
        }
        for at in (0..weight.len()).step_by(weight.len() / 3 + 1) {
            let mut unit = vec![0.0; weight.len()];
            unit[at] = 1.0;
            let expected = product(&input, &unit);
            found.iter().for_each(|(isa, _, to)| check(to[at], expected, &format!("{isa}, weight {at}")));
        }
        let dot = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>() as f32
        };
        let whole = product(&input, &weight);
        for (isa, to_input, to_weight) in &found {
            check(dot(to_input, &input), whole, &format!("{isa}, all of the input"));
            check(dot(to_weight, &weight), whole, &format!("{isa}, all of the weight"));
        }
    }
}

#[test]
fn kernels_strides_paddings_and_dilations() {
    for (sizes, outputs) in cases() {
        let batch = 2;
        let input = values(batch * sizes.channels * sizes.size[0] * sizes.size[1], 1);
        let weight = values(outputs * sizes.channels * sizes.kernel[0] * sizes.kernel[1], 2);
        let (bias, plain) = (values(outputs, 3), expected(&input, &weight, &sizes, batch, outputs));
        let residual = values(plain.len(), 4);
        let pixels = plain.len() / batch / outputs;
        for isa in Isa::available() {
            let mut found = vec![f32::NAN; plain.len()];
            let epilogue = Epilogue {
                row_bias: Some(&bias),
                activation: Some(Activation::Silu),
                residual: Some(&residual),
                relu_last: true,
                ..Epilogue::default()
            };
            with_isa(isa, || conv2d(&input, &weight, &sizes, &epilogue, &mut found)).unwrap();
            for (i, (&found, &plain)) in found.iter().zip(&plain).enumerate() {
                let x = plain + f64::from(bias[i / pixels % outputs]);
                let x = (x / (1.0 + (-x).exp()) + f64::from(residual[i])).max(0.0);
                assert!(
                    (f64::from(found) - x).abs() < 1e-5 * (1.0 + x.abs()),
                    "{isa}, {sizes:?}, {i}: {found} for {x}"
                );
            }
        }
    }
}

/// One pixel that is not finite, in the image or in the gradient, is in what it has part in and in nothing else.
#[test]
fn what_is_not_finite_stays_where_it_is_seen() {
    let sizes = sizes(3, [9, 9], [3, 3], 1, 1, 1);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for isa in Isa::available() {
            with_isa(isa, || {
                let mut input = values(3 * 81, 1);
                input[81 + 4 * 9 + 4] = value;
                let weight: Vec<f32> = values(2 * 27, 2).iter().map(|x| x.abs() + 0.1).collect();
                let near = |at: usize| (3..=5).contains(&(at / 9)) && (3..=5).contains(&(at % 9));
                let mut output = vec![0.0; 2 * 81];
                conv2d(&input, &weight, &sizes, &Epilogue::default(), &mut output);
                for (at, x) in output.iter().enumerate() {
                    let expected = if near(at % 81) { value } else { 0.0 };
                    assert!(alike(*x, expected), "{isa}, output {at}: {x} for {value}");
                }
                let mut to_input = vec![0.0; 3 * 81];
                let mut gradient = values(2 * 81, 3);
                gradient[81 + 4 * 9 + 4] = value;
                conv2d_input_gradient(&gradient, &weight, &sizes, &mut to_input);
                for (at, x) in to_input.iter().enumerate() {
                    let expected = if near(at % 81) { value } else { 0.0 };
                    assert!(alike(*x, expected), "{isa}, gradient of input {at}: {x} for {value}");
                }
                let mut to_weight = vec![0.0; 2 * 27];
                conv2d_weight_gradient(&values(3 * 81, 4), &gradient, &sizes, &mut to_weight);
                assert!(to_weight[..27].iter().all(|x| x.is_finite()), "{isa}, the other output");
                assert!(to_weight[27..].iter().all(|x| !x.is_finite()), "{isa}, gradients of the weights");
            })
            .unwrap();
        }
    }
}

/// Whether a value is not finite in the same way, or finite as the other is.
fn alike(found: f32, expected: f32) -> bool {
    if expected.is_finite() {
        found.is_finite()
    } else {
        found.is_nan() && expected.is_nan() || found == expected
    }
}

#[test]
fn threads_change_nothing() {
    let sizes = sizes(20, [31, 33], [3, 3], 1, 1, 1);
    let (input, weight, gradient) =
        (values(2 * 20 * 31 * 33, 1), values(24 * 180, 2), values(2 * 24 * 31 * 33, 3));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut out = [vec![0.0; gradient.len()], vec![0.0; input.len()], vec![0.0; weight.len()]];
            let [output, to_input, to_weight] = &mut out;
            conv2d(&input, &weight, &sizes, &Epilogue::default(), output);
            conv2d_input_gradient(&gradient, &weight, &sizes, to_input);
            conv2d_weight_gradient(&input, &gradient, &sizes, to_weight);
            out
        })
    };
    let one = run(1);
    assert_eq!(run(2), one);
    assert_eq!(run(5), one);
}

#[test]
fn a_kernel_larger_than_the_image_gives_nothing() {
    let sizes = sizes(1, [2, 2], [3, 3], 1, 0, 1);
    assert_eq!(sizes.output_size(), [0, 0]);
    conv2d(&[1.0; 4], &[1.0; 9], &sizes, &Epilogue::default(), &mut []);
}

#[test]
#[should_panic(expected = "weights of kernels")]
fn weights_that_do_not_fit_are_refused() {
    conv2d(&[1.0; 4], &[1.0; 8], &sizes(1, [2, 2], [3, 3], 1, 1, 1), &Epilogue::default(), &mut [0.0; 4]);
}
