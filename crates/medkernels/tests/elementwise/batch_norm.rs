//! Batch normalisation against its definition in `f64`, and its gradients against finite differences.

use medkernels::norm::BatchNorm;

use crate::common::{assert_close, for_each_isa, numbers, on_any_number_of_threads};
use crate::softmax::differences;

const EPSILON: f32 = 1e-5;

/// Batch, channels, pixels.
type Shape = [usize; 3];

/// Input, gamma, beta, residual.
struct Parts([Vec<f32>; 4]);

impl Parts {
    fn new([batch, channels, pixels]: Shape) -> Self {
        let count = batch * channels * pixels;
        // Far from zero, as maps after many ReLUs are.
        let input = numbers(count, 1, 3.0).into_iter().map(|x| x + 10.0).collect();
        Self([input, numbers(channels, 2, 2.0), numbers(channels, 3, 1.0), numbers(count, 4, 2.0)])
    }

    fn wide(&self) -> [Vec<f64>; 4] {
        self.0.each_ref().map(|part| part.iter().copied().map(f64::from).collect())
    }
}

/// The output, and mean and variance of each channel.
fn definition(
    [x, gamma, beta, residual]: [&[f64]; 4],
    [batch, channels, pixels]: Shape,
    [add, relu]: [bool; 2],
) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let of = |channel: usize| {
        (0..batch).flat_map(move |image| (0..pixels).map(move |p| (image * channels + channel) * pixels + p))
    };
    let (mut y, mut means, mut variances) = (vec![0.0; x.len()], Vec::new(), Vec::new());
    for channel in 0..channels {
        let count = (batch * pixels) as f64;
        let mean = of(channel).map(|i| x[i]).sum::<f64>() / count;
        let variance = of(channel).map(|i| (x[i] - mean).powi(2)).sum::<f64>() / count;
        for i in of(channel) {
            let norm = (x[i] - mean) / (variance + f64::from(EPSILON)).sqrt();
            let sum = norm * gamma[channel] + beta[channel] + if add { residual[i] } else { 0.0 };
            y[i] = if relu { sum.max(0.0) } else { sum };
        }
        means.push(mean);
        variances.push(variance);
    }
    (y, means, variances)
}

const WAYS: [[bool; 2]; 4] = [[false, false], [false, true], [true, false], [true, true]];

#[test]
fn it_is_its_definition() {
    for shape in [[1, 1, 2], [3, 5, 1], [2, 3, 7], [2, 2, 49], [1, 3, 257], [3, 2, 5000], [2, 1, 70_001]] {
        let parts = Parts::new(shape);
        let [x, gamma, beta, residual] = &parts.0;
        let wide = parts.wide();
        for way @ [add, relu] in WAYS {
            let (y, mean, variance) = definition(wide.each_ref().map(Vec::as_slice), shape, way);
            for_each_isa(|isa| {
                let what = format!("{isa} {shape:?} {way:?}");
                let norm = BatchNorm { gamma, epsilon: EPSILON, pixels: shape[2], relu };
                let mut found = vec![f32::NAN; x.len()];
                let statistics = norm.forward(x, beta, add.then_some(residual), &mut found);
                assert_close(&found, &y, 5e-6, &what);
                assert_close(&statistics.mean, &mean, 1e-6, &what);
                assert_close(&statistics.variance, &variance, 2e-6, &what);
            });
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for shape in [[1, 1, 2], [3, 5, 1], [2, 3, 7], [3, 2, 16], [2, 2, 37]] {
        let parts = Parts::new(shape);
        let [x, gamma, beta, residual] = &parts.0;
        let gradient = numbers(x.len(), 5, 1.0);
        let wide = parts.wide();
        for way @ [add, relu] in WAYS {
            let by = |part: usize| {
                differences(&wide[part], |moved| {
                    let mut all = wide.each_ref().map(Vec::as_slice);
                    all[part] = moved;
                    let (y, ..) = definition(all, shape, way);
                    y.iter().zip(&gradient).map(|(y, &g)| y * f64::from(g)).sum()
                })
            };
            let expected: [Vec<f64>; 4] = std::array::from_fn(by);
            for_each_isa(|isa| {
                let what = format!("{isa} {shape:?} {way:?}");
                let norm = BatchNorm { gamma, epsilon: EPSILON, pixels: shape[2], relu };
                let mut y = vec![0.0; x.len()];
                let statistics = norm.forward(x, beta, add.then_some(residual), &mut y);
                let (mut to, mut sum) = (vec![f32::NAN; x.len()], gradient.clone());
                let written = (add && relu).then_some(&mut sum[..]);
                let sums = norm.backward(x, &y, &statistics, &gradient, &mut to, written);
                assert_close(&to, &expected[0], 2e-5, &what);
                assert_close(&sums.gamma, &expected[1], 2e-5, &what);
                assert_close(&sums.beta, &expected[2], 2e-5, &what);
                if add {
                    assert_close(&sum, &expected[3], 1e-5, &what);
                }
            });
        }
    }
}

#[test]
fn what_is_not_finite_stays_in_its_channel() {
    let shape = [2, 3, 20];
    for bad in [f32::NAN, f32::INFINITY] {
        let Parts([mut x, gamma, beta, _]) = Parts::new(shape);
        x[25] = bad;
        for_each_isa(|isa| {
            for relu in [false, true] {
                let norm = BatchNorm { gamma: &gamma, epsilon: EPSILON, pixels: 20, relu };
                let mut y = vec![0.0; x.len()];
                let statistics = norm.forward(&x, &beta, None, &mut y);
                let mut to = vec![0.0; x.len()];
                norm.backward(&x, &y, &statistics, &vec![1.0; x.len()], &mut to, None);
                for (i, (y, to)) in y.iter().zip(&to).enumerate() {
                    let inside = i / 20 % 3 == 1;
                    assert_eq!(y.is_nan(), inside, "{isa}: {y} at {i}");
                    assert_eq!(to.is_nan(), inside, "{isa}: gradient {to} at {i}");
                }
            }
        });
    }
}

#[test]
fn threads_change_no_bit() {
    let shape = [3, 7, 1234];
    let Parts([x, gamma, beta, residual]) = Parts::new(shape);
    on_any_number_of_threads(|| {
        let norm = BatchNorm { gamma: &gamma, epsilon: EPSILON, pixels: 1234, relu: true };
        let (mut y, mut to, mut sum) = (vec![0.0; x.len()], vec![0.0; x.len()], vec![0.0; x.len()]);
        let statistics = norm.forward(&x, &beta, Some(&residual), &mut y);
        let sums = norm.backward(&x, &y, &statistics, &residual, &mut to, Some(&mut sum));
        (y, to, sum, statistics, sums)
    });
}

#[test]
#[should_panic(expected = "7 values of images of 2 channels of 3 pixels")]
fn other_lengths_are_refused() {
    let norm = BatchNorm { gamma: &[1.0; 2], epsilon: EPSILON, pixels: 3, relu: false };
    norm.forward(&[0.0; 7], &[0.0; 2], None, &mut [0.0; 7]);
}
