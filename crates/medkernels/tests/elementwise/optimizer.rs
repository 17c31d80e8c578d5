//! Steps of optimisers against their definition in `f64`.

use medkernels::optimizer::{AdamW, Sgd};

use crate::common::{SIZES, assert_close, for_each_isa, numbers, on_any_number_of_threads};

const ADAMW: AdamW = AdamW { rate: 3e-3, betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: 0.05 };
const STEPS: u32 = 4;

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// Parameters, first and second moments after some steps.
fn adamw(start: &[f32], gradients: &[Vec<f32>], settings: AdamW) -> [Vec<f64>; 3] {
    let zeros = || vec![0.0; start.len()];
    let [mut parameters, mut first, mut second] = [widen(start), zeros(), zeros()];
    let AdamW { rate, betas, epsilon, weight_decay } = settings;
    for (step, gradient) in (1..).zip(gradients) {
        for (i, g) in widen(gradient).into_iter().enumerate() {
            first[i] = betas[0] * first[i] + (1.0 - betas[0]) * g;
            second[i] = betas[1] * second[i] + (1.0 - betas[1]) * g * g;
            let mean = first[i] / (1.0 - betas[0].powi(step));
            let square = second[i] / (1.0 - betas[1].powi(step));
            parameters[i] *= 1.0 - rate * weight_decay;
            parameters[i] -= rate * mean / (square.sqrt() + epsilon);
        }
    }
    [parameters, first, second]
}

/// The same by the kernel.
fn adamw_kernel(start: &[f32], gradients: &[Vec<f32>], settings: AdamW) -> [Vec<f32>; 3] {
    let zeros = || vec![0.0; start.len()];
    let [mut parameters, mut first, mut second] = [start.to_vec(), zeros(), zeros()];
    for (step, gradient) in (1..).zip(gradients) {
        settings.step(step, gradient, &mut parameters, &mut first, &mut second);
    }
    [parameters, first, second]
}

fn gradients(count: usize) -> Vec<Vec<f32>> {
    (0..u64::from(STEPS)).map(|step| numbers(count, 10 + step, 0.3)).collect()
}

#[test]
fn adamw_is_its_definition() {
    for count in SIZES {
        let (start, gradients) = (numbers(count, 1, 2.0), gradients(count));
        let expected = adamw(&start, &gradients, ADAMW);
        for_each_isa(|isa| {
            let got = adamw_kernel(&start, &gradients, ADAMW);
            for ((got, expected), what) in got.iter().zip(&expected).zip(["parameters", "first", "second"]) {
                assert_close(got, expected, 5e-7, &format!("{isa} {count} {what}"));
            }
        });
        on_any_number_of_threads(|| adamw_kernel(&start, &gradients, ADAMW));
    }
}

#[test]
fn adamw_steps_as_far_along_small_gradients_as_along_large_ones() {
    // Squares that are tiny and huge, but are numbers still.
    let gradients = vec![vec![1e-15, -1e-15, 1e15, -1e15, 0.0]; 3];
    let settings = AdamW { epsilon: 0.0, weight_decay: 0.0, ..ADAMW };
    for_each_isa(|isa| {
        let [parameters, ..] = adamw_kernel(&[0.0; 4], &vec![vec![1e-15, -1e-15, 1e15, -1e15]; 3], settings);
        assert_close(&parameters, &[-9e-3, 9e-3, -9e-3, 9e-3], 1e-8, &isa.to_string());
        // Without a gradient only `epsilon` keeps 0 / 0 away.
        let [parameters, ..] = adamw_kernel(&[1.0; 5], &gradients, AdamW { epsilon: 1e-8, ..settings });
        assert_eq!(parameters[4], 1.0, "{isa}");
    });
}

#[test]
fn adamw_lets_nan_and_infinity_through_where_they_are() {
    let wrong = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
    for place in 0..19 {
        for bad in wrong {
            let (start, mut gradients) = (numbers(19, 1, 2.0), gradients(19));
            gradients[1][place] = bad;
            let expected = adamw(&start, &gradients, ADAMW);
            for_each_isa(|isa| {
                let got = adamw_kernel(&start, &gradients, ADAMW);
                for i in (0..19).filter(|&i| i != place) {
                    assert!((f64::from(got[0][i]) - expected[0][i]).abs() < 1e-6, "{isa} {bad} {i}");
                }
                // The square of the largest number is infinite: the step comes to nothing, and no more follow.
                let stays = bad == f32::MAX;
                assert_eq!(got[0][place].is_nan(), !stays, "{isa} {bad} at {place}: {}", got[0][place]);
                assert!(!got[2][place].is_finite(), "{isa} {bad}");
            });
        }
    }
}

#[test]
fn a_late_step_corrects_nothing() {
    let (start, gradient) = (numbers(33, 1, 2.0), numbers(33, 2, 0.3));
    let (mut parameters, mut first, mut second) = (start.clone(), vec![0.1; 33], vec![0.04; 33]);
    ADAMW.step(u32::MAX, &gradient, &mut parameters, &mut first, &mut second);
    let expected: Vec<f64> = start
        .iter()
        .zip(&gradient)
        .map(|(&start, &g)| {
            let (start, g) = (f64::from(start), f64::from(g));
            let (first, second) = (0.09 + 0.1 * g, 0.04 * 0.999 + 0.001 * g * g);
            start * (1.0 - 3e-3 * 0.05) - 3e-3 * first / (second.sqrt() + 1e-8)
        })
        .collect();
    assert_close(&parameters, &expected, 3e-7, "a late step");
}

#[test]
#[should_panic(expected = "lengths of second moments and parameters")]
fn moments_of_another_length_are_refused() {
    ADAMW.step(1, &[1.0; 3], &mut [1.0; 3], &mut [0.0; 3], &mut [0.0; 4]);
}

#[test]
fn descent_with_momentum_is_its_definition() {
    let plain = Sgd { rate: 0.02, momentum: 0.9, dampening: 0.0, nesterov: false, weight_decay: 0.0 };
    let all = Sgd { dampening: 0.2, weight_decay: 0.05, ..plain };
    for (count, sgd) in SIZES.into_iter().flat_map(|count| {
        [plain, all, Sgd { nesterov: true, dampening: 0.0, ..all }].map(move |sgd| (count, sgd))
    }) {
        let (start, gradients) = (numbers(count, 1, 2.0), gradients(count));
        let (mut parameters, mut velocity) = (widen(&start), vec![0.0; count]);
        for gradient in &gradients {
            for (i, g) in widen(gradient).into_iter().enumerate() {
                let g = g + sgd.weight_decay * parameters[i];
                velocity[i] = sgd.momentum * velocity[i] + (1.0 - sgd.dampening) * g;
                parameters[i] -=
                    sgd.rate * if sgd.nesterov { g + sgd.momentum * velocity[i] } else { velocity[i] };
            }
        }
        let run = || {
            let (mut parameters, mut velocity) = (start.clone(), vec![0.0; count]);
            gradients.iter().for_each(|gradient| sgd.step(gradient, &mut parameters, &mut velocity));
            (parameters, velocity)
        };
        for_each_isa(|isa| {
            let (got, got_velocity) = run();
            assert_close(&got, &parameters, 1e-6, &format!("{isa} {count} {sgd:?}"));
            assert_close(&got_velocity, &velocity, 1e-6, &format!("{isa} {count} {sgd:?}"));
        });
        on_any_number_of_threads(run);
    }
}
