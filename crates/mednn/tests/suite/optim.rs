//! Steps of optimisers against torch's, by the kernels and by burn's operations.
#![allow(deprecated)] // `ndarray` leaves burn in 0.23; it stands here for any backend without kernels

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor};
use mednn::bridge::read_f32;
use mednn::optim::{AdamWByPath, AdamWConfig, Moments, SgdConfig};

use crate::common::{Golden, close, fixture};

const CLOSE: f32 = 2e-6;

/// One with kernels and one without.
fn devices() -> [Device; 2] {
    [Device::flex(), Device::ndarray()]
}

/// Start, gradients and rates of the golden steps.
fn steps(golden: &mut Golden, device: &Device) -> (Tensor<2>, Vec<(Tensor<2>, f64)>) {
    let gradients: Tensor<3> = golden.tensor("gradients", device);
    let rates = golden.values("rates").into_iter().map(f64::from);
    let steps = rates.enumerate().map(|(i, rate)| (gradients.clone().narrow(0, i, 1).squeeze_dim(0), rate));
    (golden.tensor("start", device), steps.collect())
}

fn golden() -> Golden {
    Golden::open(fixture("optim/steps.safetensors"))
}

#[test]
fn adamw_is_that_of_torch() {
    let other =
        AdamWConfig::new().with_beta_1(0.8).with_beta_2(0.95).with_epsilon(1e-3).with_weight_decay(0.3);
    for (case, config) in [("adamw", AdamWConfig::new()), ("adamw_other", other)] {
        for device in devices() {
            let mut golden = golden();
            let (mut parameter, steps) = steps(&mut golden, &device);
            let mut moments = None;
            for (gradient, rate) in steps {
                let (next, after) = config.build().update(rate, parameter, gradient, moments);
                (parameter, moments) = (next, Some(after));
            }
            let Moments { first, second, steps } = moments.unwrap();
            assert_eq!(steps, 6);
            close(parameter, golden.tensor(&format!("{case}.after"), &device), CLOSE, case);
            close(first, golden.tensor(&format!("{case}.first"), &device), CLOSE, case);
            close(second, golden.tensor(&format!("{case}.second"), &device), CLOSE, case);
        }
    }
}

#[test]
fn descent_with_momentum_is_that_of_torch() {
    let other = SgdConfig::new().with_momentum(0.7).with_dampening(0.2).with_weight_decay(0.1);
    let nesterov = SgdConfig::new().with_nesterov(true).with_weight_decay(0.1);
    for (case, config) in [("sgd", SgdConfig::new()), ("sgd_other", other), ("sgd_nesterov", nesterov)] {
        for device in devices() {
            let mut golden = golden();
            let (mut parameter, steps) = steps(&mut golden, &device);
            let mut state = None;
            for (gradient, rate) in steps {
                (parameter, state) = config.build().step(rate, parameter, gradient, state);
            }
            close(parameter, golden.tensor(&format!("{case}.after"), &device), CLOSE, case);
            let velocity = state.unwrap().velocity;
            close(velocity, golden.tensor(&format!("{case}.velocity"), &device), CLOSE, case);
        }
    }
}

/// A layer, and the gradients of a loss of it that is another in each step.
fn layer(device: &Device) -> Linear {
    device.seed(3);
    LinearConfig::new(5, 4).init(device)
}

fn gradients(layer: &Linear, step: usize) -> burn::tensor::Gradients {
    let x = Tensor::<2>::ones([3, 5], &layer.weight.val().device()) * (step as f64 - 1.5);
    (layer.forward(x) - 0.3).square().mean().backward()
}

fn trained(mut layer: Linear, optimizer: &mut ModuleOptimizer, steps: std::ops::Range<usize>) -> Linear {
    for step in steps {
        let gradients = GradientsParams::from_grads(gradients(&layer, step), &layer);
        layer = optimizer.step(1e-2, layer, gradients);
    }
    layer
}

fn parameters(layer: &Linear) -> Vec<f32> {
    let bias = layer.bias.as_ref().unwrap().val();
    [read_f32(layer.weight.val()).unwrap(), read_f32(bias).unwrap()].concat()
}

fn assert_near(a: &Linear, b: &Linear) {
    for (a, b) in parameters(a).iter().zip(parameters(b)) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
}

#[test]
fn records_are_resumed_exactly_and_are_those_of_burn() {
    let theirs = || burn::optim::AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01).init();
    let momentum = Some(MomentumConfig::new().with_dampening(0.0));
    let their_sgd = || burn::optim::SgdConfig::new().with_momentum(momentum.clone()).init();
    type Init<'a> = &'a dyn Fn() -> ModuleOptimizer;
    let pairs: [[Init<'_>; 2]; 2] =
        [[&|| AdamWConfig::new().init(), &theirs], [&|| SgdConfig::new().init(), &their_sgd]];
    for device in devices().map(Device::autodiff) {
        for [ours, theirs] in pairs {
            let mut optimizer = ours();
            let half = trained(layer(&device), &mut optimizer, 0..3);
            let bytes = optimizer.into_bytes().unwrap();
            let whole = trained(half.clone(), &mut optimizer, 3..6);
            let resumed = trained(half.clone(), &mut ours().from_bytes(bytes).unwrap(), 3..6);
            assert_eq!(parameters(&resumed), parameters(&whole));
            // What burn's own has remembered.
            let mut other = theirs();
            let half = trained(layer(&device), &mut other, 0..3);
            let bytes = other.into_bytes().unwrap();
            assert_near(&trained(half, &mut ours().from_bytes(bytes).unwrap(), 3..6), &whole);
        }
    }
}

#[test]
fn a_module_with_clones_is_stepped_beside_them() {
    let device = Device::flex().autodiff();
    let before = layer(&device);
    let values = parameters(&before);
    let after = trained(before.clone(), &mut AdamWConfig::new().init(), 0..2);
    assert_eq!(parameters(&before), values);
    assert_ne!(parameters(&after), values);
    // As is a weight that products keep packed.
    let packed = LinearConfig::new(48, 48).init(&Device::flex());
    let weight = packed.weight.map(mednn::ops::keep_packed).val();
    let values = read_f32(weight.clone()).unwrap();
    let ones = weight.ones_like();
    let (stepped, _) = AdamWConfig::new().with_weight_decay(0.0).build().update(0.5, weight, ones, None);
    for (after, before) in read_f32(stepped).unwrap().iter().zip(values) {
        assert!((after - (before - 0.5)).abs() < 1e-6, "{after} {before}");
    }
}

#[test]
fn moments_by_path_are_those_by_id_and_come_back() {
    for device in devices().map(Device::autodiff) {
        let mut by_id = AdamWConfig::new().init();
        let expected = trained(layer(&device), &mut by_id, 0..4);
        let mut by_path = AdamWByPath::new(AdamWConfig::new().build());
        let mut found = layer(&device);
        for step in 0..4 {
            let gradients = gradients(&found, step);
            if step == 2 {
                let kept: Vec<_> = by_path.moments().map(|(p, m)| (p.to_string(), m.clone())).collect();
                assert_eq!(
                    kept.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
                    ["bias", "weight"]
                );
                by_path = AdamWByPath::new(AdamWConfig::new().build());
                kept.into_iter().for_each(|(path, moments)| by_path.set_moments(path, moments));
            }
            if step % 2 == 0 {
                found = by_path.step(found, &gradients, |_| 1e-2);
            } else {
                by_path.step_in_place(&mut found, &gradients, |_| 1e-2);
            }
        }
        assert_eq!(parameters(&found), parameters(&expected));
    }
}

#[test]
fn paths_have_rates_and_moments_that_do_not_fit_are_left_out() {
    let device = Device::flex().autodiff();
    let start = layer(&device);
    let mut optimizer = AdamWByPath::new(AdamWConfig::new().with_weight_decay(0.0).build());
    let zeros = Tensor::<1>::zeros([3], &Device::flex());
    optimizer.set_moments("weight", Moments { first: zeros.clone(), second: zeros, steps: 7 });
    let gradients = gradients(&start, 0);
    let after = optimizer.step(start.clone(), &gradients, |path| if path == "weight" { 0.25 } else { 0.0 });
    let changes: Vec<f32> =
        parameters(&after).iter().zip(parameters(&start)).map(|(a, b)| (a - b).abs()).collect();
    assert!(changes[..20].iter().all(|change| (change - 0.25).abs() < 1e-5), "{changes:?}");
    assert!(changes[20..].iter().all(|&change| change == 0.0), "{changes:?}");
    assert!(optimizer.moments().all(|(_, moments)| moments.steps == 1));
    // What is frozen has no gradient, and no moments.
    let frozen = start.freeze();
    let x = Tensor::<2>::ones([3, 5], &device).require_grad();
    let gradients = frozen.forward(x).sum().backward();
    let mut optimizer = AdamWByPath::new(AdamWConfig::new().build());
    assert_eq!(parameters(&optimizer.step(frozen.clone(), &gradients, |_| 1.0)), parameters(&frozen));
    assert_eq!(optimizer.moments().count(), 0);
}
