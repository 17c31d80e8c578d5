//! Operations by the kernels, on `flex`, against burn's own, on `ndarray`: values and gradients.
#![allow(deprecated)] // `ndarray` leaves burn in 0.23; it stands here for any backend without kernels

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::ops::{self, Activation};

fn devices() -> [Device; 2] {
    [Device::flex().autodiff(), Device::ndarray().autodiff()]
}

/// The same values on every device.
fn values<const D: usize>(shape: [usize; D], seed: u32, device: &Device) -> Tensor<D> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn leaf<const D: usize>(shape: [usize; D], seed: u32, device: &Device) -> Tensor<D> {
    values(shape, seed, device).require_grad()
}

/// A sum that gives each output another weight, so that each has another gradient.
fn weighted_sum<const D: usize>(y: Tensor<D>) -> Tensor<1> {
    let weight = values(y.dims(), 99, &y.device());
    (y * weight).sum()
}

fn assert_alike(results: [Vec<Vec<f32>>; 2], what: &str) {
    let [found, expected] = results;
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "{what}, {index}");
        let largest = expected.iter().fold(1e-6f32, |m, x| m.max(x.abs()));
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= 2e-5 * largest,
                "{what}, {index}, {i}: {found} for {expected}"
            );
        }
    }
}

fn linear(inputs: usize, outputs: usize, bias: bool, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(inputs, outputs).with_bias(bias).init(device);
    layer.weight = layer.weight.map(|w| values(w.dims(), 5, device).require_grad());
    layer.bias = layer.bias.map(|b| b.map(|b| values(b.dims(), 6, device).require_grad()));
    layer
}

fn read<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    read_f32(x).unwrap()
}

#[test]
fn linear_layers_with_activations() {
    for activation in [None, Some(Activation::Gelu), Some(Activation::Silu), Some(Activation::Relu)] {
        for bias in [true, false] {
            let results = devices().map(|device| {
                let x = leaf([2, 19, 33], 1, &device);
                let layer = linear(33, 45, bias, &device);
                let y = ops::linear(x.clone(), &layer, activation);
                let grads = weighted_sum(y.clone()).backward();
                let mut out = vec![
                    read(y),
                    read(x.grad(&grads).unwrap()),
                    read(layer.weight.val().grad(&grads).unwrap()),
                ];
                out.extend(layer.bias.as_ref().map(|b| read(b.val().grad(&grads).unwrap())));
                out
            });
            assert_alike(results, &format!("{activation:?}, bias {bias}"));
        }
    }
}

#[test]
fn linear_layers_on_a_residual() {
    for scaled in [true, false] {
        let results = devices().map(|device| {
            let (x, residual) = (leaf([2, 19, 33], 1, &device), leaf([2, 19, 45], 2, &device));
            let scale = scaled.then(|| leaf([45], 3, &device));
            let layer = linear(33, 45, true, &device);
            let y = ops::linear_residual(x.clone(), &layer, scale.clone(), residual.clone());
            let grads = weighted_sum(y.clone()).backward();
            let mut out = vec![read(y), read(x.grad(&grads).unwrap()), read(residual.grad(&grads).unwrap())];
            out.push(read(layer.weight.val().grad(&grads).unwrap()));
            out.push(read(layer.bias.as_ref().unwrap().val().grad(&grads).unwrap()));
            out.extend(scale.map(|s| read(s.grad(&grads).unwrap())));
            out
        });
        assert_alike(results, &format!("scaled {scaled}"));
    }
}

#[test]
fn one_tensor_in_two_places_gets_both_gradients() {
    let results = devices().map(|device| {
        let x = leaf([3, 20], 1, &device);
        let layer = linear(20, 20, true, &device);
        let grads = weighted_sum(ops::linear_residual(x.clone(), &layer, None, x.clone())).backward();
        vec![read(x.grad(&grads).unwrap())]
    });
    assert_alike(results, "a residual connection");
}

#[test]
fn frozen_parts_get_no_gradients() {
    let device = Device::flex().autodiff();
    let x = leaf([3, 20], 1, &device);
    let layer = linear(20, 8, true, &device);
    let frozen = Linear { weight: layer.weight.map(|w| w.set_require_grad(false)), bias: layer.bias };
    let grads = weighted_sum(ops::linear(x.clone(), &frozen, Some(Activation::Gelu))).backward();
    assert!(frozen.weight.val().grad(&grads).is_none());
    assert!(x.grad(&grads).is_some());
    assert!(frozen.bias.as_ref().unwrap().val().grad(&grads).is_some());
}

#[test]
fn attention_with_and_without_a_mask() {
    for masked in [false, true] {
        let results = devices().map(|device| {
            let x = leaf([2, 21, 3 * 2 * 16], 1, &device);
            let part = |i: usize| x.clone().narrow(2, i * 32, 32).reshape([2, 21, 2, 16]).swap_dims(1, 2);
            let mask = masked.then(|| {
                let hidden: Vec<bool> = (0..2 * 21).map(|i| i % 21 > 15 + i / 21).collect();
                let hidden = Tensor::<2, Bool>::from_data(TensorData::new(hidden, [2, 21]), &device);
                hidden.reshape([2, 1, 1, 21]).expand([2, 2, 21, 21])
            });
            let y = ops::attention(part(0), part(1), part(2), mask);
            let grads = weighted_sum(y.clone()).backward();
            vec![read(y), read(x.grad(&grads).unwrap())]
        });
        assert_alike(results, &format!("masked {masked}"));
    }
}

#[test]
fn an_axis_of_one_in_a_mask_stands_for_all() {
    let hidden: Vec<bool> = (0..2 * 21).map(|i| i % 21 > 15 + i / 21).collect();
    for shape in [[2, 1, 1, 21], [1, 1, 2, 21], [1, 2, 1, 21]] {
        for device in devices() {
            let [q, k, v] =
                [[2, 2, 2, 16], [2, 2, 21, 16], [2, 2, 21, 16]].map(|shape| values(shape, 1, &device));
            let mask = Tensor::<4, Bool>::from_data(TensorData::new(hidden.clone(), shape), &device);
            let whole = mask.clone().expand([2, 2, 2, 21]);
            let [found, expected] =
                [mask, whole].map(|mask| read(ops::attention(q.clone(), k.clone(), v.clone(), Some(mask))));
            assert_eq!(found, expected, "{shape:?} on {device:?}");
        }
    }
}

#[test]
fn other_shapes_are_refused() {
    let device = Device::flex();
    let refused = |run: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
    let x = |width: usize| values([2, 3, width], 1, &device);
    let factors = |width: usize| values([width], 2, &device);
    assert!(!refused(&|| drop(ops::layer_norm(x(64), factors(64), Some(factors(64)), 1e-6))));
    assert!(refused(&|| drop(ops::layer_norm(x(64), factors(32), None, 1e-6))));
    assert!(refused(&|| drop(ops::layer_norm(x(64), factors(64), Some(factors(32)), 1e-6))));
    let part = || values([1, 2, 5, 8], 1, &device);
    let mask = |shape: [usize; 4]| {
        Tensor::<4, Bool>::from_data(TensorData::new(vec![false; shape[3] * 5], shape), &device)
    };
    assert!(!refused(&|| drop(ops::attention(part(), part(), part(), Some(mask([1, 1, 5, 5]))))));
    assert!(refused(&|| drop(ops::attention(part(), part(), part(), Some(mask([1, 1, 5, 6]))))));
    assert!(refused(&|| drop(ops::attention(part(), part(), part(), Some(mask([5, 1, 1, 5]))))));
}

fn convolution(config: Conv2dConfig, device: &Device) -> Conv2d {
    let mut layer = config.init(device);
    layer.weight = layer.weight.map(|w| values(w.dims(), 5, device).require_grad());
    layer.bias = layer.bias.map(|b| b.map(|b| values(b.dims(), 6, device).require_grad()));
    layer
}

#[test]
fn convolutions() {
    let base = || Conv2dConfig::new([5, 9], [3, 3]);
    let configs = [
        base(),
        base().with_stride([2, 2]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)),
        base().with_bias(false).with_padding(PaddingConfig2d::Explicit(2, 1, 2, 1)).with_dilation([2, 1]),
        Conv2dConfig::new([5, 9], [1, 1]),
        Conv2dConfig::new([5, 5], [3, 3]).with_groups(5).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)),
        base().with_padding(PaddingConfig2d::Explicit(0, 1, 2, 1)),
    ];
    for (index, config) in configs.into_iter().enumerate() {
        for activation in [None, Some(Activation::Relu)] {
            let results = devices().map(|device| {
                let x = leaf([2, 5, 13, 12], 1, &device);
                let layer = convolution(config.clone(), &device);
                let y = ops::conv2d(x.clone(), &layer, activation);
                let grads = weighted_sum(y.clone()).backward();
                let mut out = vec![
                    read(y),
                    read(x.grad(&grads).unwrap()),
                    read(layer.weight.val().grad(&grads).unwrap()),
                ];
                out.extend(layer.bias.as_ref().map(|b| read(b.val().grad(&grads).unwrap())));
                out
            });
            assert_alike(results, &format!("convolution {index}, {activation:?}"));
        }
    }
}

#[test]
fn convolutions_on_a_residual() {
    let results = devices().map(|device| {
        let (x, residual) = (leaf([2, 5, 8, 8], 1, &device), leaf([2, 7, 6, 6], 2, &device));
        let layer = convolution(Conv2dConfig::new([5, 7], [3, 3]), &device);
        let y = ops::conv2d_residual(x.clone(), &layer, residual.clone());
        let grads = weighted_sum(y.clone()).backward();
        vec![read(y), read(x.grad(&grads).unwrap()), read(residual.grad(&grads).unwrap())]
    });
    assert_alike(results, "the end of a residual block");
}

#[test]
fn activations() {
    for function in [Activation::Gelu, Activation::Silu, Activation::Relu] {
        let results = devices().map(|device| {
            let x = leaf([3, 50], 1, &device);
            let y = ops::activate(x.clone() * 4.0, function);
            let grads = weighted_sum(y.clone()).backward();
            vec![read(y), read(x.grad(&grads).unwrap())]
        });
        assert_alike(results, &format!("{function:?}"));
    }
}

#[test]
fn layer_norms() {
    for biased in [true, false] {
        let results = devices().map(|device| {
            let (x, gamma) = (leaf([2, 7, 41], 1, &device), leaf([41], 2, &device));
            let beta = biased.then(|| leaf([41], 3, &device));
            let y = ops::layer_norm(x.clone() * 3.0 + 1.0, gamma.clone(), beta.clone(), 1e-6);
            let grads = weighted_sum(y.clone()).backward();
            let mut out = vec![read(y), read(x.grad(&grads).unwrap()), read(gamma.grad(&grads).unwrap())];
            out.extend(beta.map(|b| read(b.grad(&grads).unwrap())));
            out
        });
        assert_alike(results, &format!("biased {biased}"));
    }
}

#[test]
fn rows_of_a_table_and_its_gradient() {
    let results = devices().map(|device| {
        let table = leaf([11, 6], 1, &device);
        let ids = Tensor::<2, burn::tensor::Int>::from_data([[3, 0, 3], [10, 3, 7]], &device);
        // Used twice, so that its gradients are added up.
        let y = ops::embedding(table.clone(), ids.clone());
        let again = ops::embedding(table.clone(), ids.narrow(1, 1, 1)).sum();
        let gradients = (weighted_sum(y.clone()) + again).backward();
        vec![read(y.inner()), read(table.grad(&gradients).unwrap())]
    });
    assert_alike(results, "embedding");
}

#[test]
fn batch_norms_with_what_follows() {
    for [add, relu] in [[false, false], [false, true], [true, false], [true, true]] {
        for frozen in [false, true] {
            let results = devices().map(|device| {
                let shape = [3, 5, 7, 9];
                let (x, residual) = (leaf(shape, 1, &device), leaf(shape, 2, &device));
                let mut norm = BatchNormConfig::new(5).init(&device);
                norm.gamma = norm.gamma.map(|gamma| values(gamma.dims(), 3, &device).require_grad());
                norm.beta = norm.beta.map(|beta| values(beta.dims(), 4, &device).require_grad());
                if frozen {
                    norm = norm.freeze();
                }
                let mut out = Vec::new();
                // Twice: the running statistics are of both.
                for factor in [1.0, 2.0] {
                    let y =
                        ops::batch_norm(x.clone() * factor + 1.0, &norm, add.then(|| residual.clone()), relu);
                    out.push(read(y.clone()));
                    let grads = weighted_sum(y).backward();
                    out.push(read(x.grad(&grads).unwrap()));
                    out.extend(residual.grad(&grads).map(read));
                    out.extend(norm.gamma.val().grad(&grads).map(read));
                    out.extend(norm.beta.val().grad(&grads).map(read));
                }
                out.extend([&norm.running_mean, &norm.running_var].map(|state| read(state.value_sync())));
                out
            });
            assert_alike(results, &format!("residual {add}, relu {relu}, frozen {frozen}"));
        }
    }
}
