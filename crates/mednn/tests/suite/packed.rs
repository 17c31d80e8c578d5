//! Weights that stay packed between passes give what the weights of the moment give.
#![allow(deprecated)] // `ndarray` leaves burn in 0.23; it stands here for any backend without kernels

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::ops::{self, Activation};

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

const WIDTH: usize = 48;

fn layer(seed: u32, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(WIDTH, WIDTH).init(device);
    layer.weight = Param::from_tensor(values([WIDTH, WIDTH], seed, device));
    layer.bias = layer.bias.map(|_| Param::from_tensor(values([WIDTH], seed + 1, device)));
    layer
}

/// Outputs of as many passes as it takes until the weight is packed, and one more; all must be alike, and those of burn's own product.
fn check(layer: &Linear) -> Vec<f32> {
    let device = layer.weight.val().device();
    let x = values([7, WIDTH], 3, &device);
    let expected = read_f32(layer.forward(x.clone())).unwrap();
    for pass in 0..4 {
        let found = read_f32(ops::linear(x.clone(), layer, None)).unwrap();
        assert_close(&found, &expected, &format!("pass {pass}"));
    }
    expected
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-6f32, |m, x| m.max(x.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-5 * largest, "{what}, {i}: {found} for {expected}");
    }
}

fn kept(mut layer: Linear) -> Linear {
    layer.weight = layer.weight.map(ops::keep_packed);
    layer
}

#[test]
fn both_ways_of_keeping_give_the_same() {
    let device = Device::flex();
    let plain = check(&layer(10, &device));
    assert_eq!(check(&kept(layer(10, &device))), plain);
}

#[test]
fn a_packed_weight_has_the_values_that_it_had() {
    let device = Device::flex();
    let weight = values::<2>([WIDTH, 70], 11, &device);
    let expected = read_f32(weight.clone()).unwrap();
    let packed = ops::keep_packed(weight.clone());
    assert_eq!(read_f32(packed.clone()).unwrap(), expected);
    assert_eq!(read_f32(packed.clone().transpose()).unwrap(), read_f32(weight.transpose()).unwrap());
    let kernel = values::<4>([20, 6, 3, 3], 12, &device);
    assert_eq!(read_f32(ops::keep_packed(kernel.clone())).unwrap(), read_f32(kernel).unwrap());
    // Written to, it is a weight like any other.
    let changed = packed.clone().slice_assign([0..1, 0..1], Tensor::full([1, 1], 5.0, &device));
    assert_eq!(read_f32(changed).unwrap()[0], 5.0);
    assert_eq!(read_f32(packed).unwrap(), expected);
}

#[test]
fn a_weight_that_is_written_to_in_place_is_packed_anew() {
    let device = Device::flex();
    for keep in [false, true] {
        let mut layer = layer(20, &device);
        if keep {
            layer = kept(layer);
        }
        let before = check(&layer);
        // Nobody else has the tensor: burn doubles it where it is.
        layer.weight = layer.weight.map(|weight| weight.mul_scalar(2.0).add_scalar(0.5));
        assert_ne!(check(&layer), before, "kept {keep}");
    }
}

#[test]
fn training_steps_change_what_a_validation_sees() {
    let device = Device::flex().autodiff();
    let mut model = layer(30, &device);
    let x = values::<2>([5, WIDTH], 4, &device);
    let mut last = check(&model.clone().valid());
    for _ in 0..3 {
        let loss = ops::linear(x.clone(), &model, Some(Activation::Gelu)).powi_scalar(2).sum();
        let gradients = loss.backward();
        let gradient = model.weight.val().grad(&gradients).unwrap();
        // As optimizers do it: without the graph, and in place where nobody else has the tensor.
        model.weight = model
            .weight
            .map(|weight| Tensor::from_inner(weight.inner() - gradient.mul_scalar(0.05)).require_grad());
        let valid = model.clone().valid();
        let now = check(&valid);
        assert_ne!(now, last);
        last = now;
    }
}

#[test]
fn clones_records_and_devices() {
    let device = Device::flex();
    let first = kept(layer(40, &device));
    let outputs = check(&first);
    assert_eq!(check(&first.clone()), outputs);
    assert_eq!(check(&first.clone().to_device(&device)), outputs);
    let mut copy = layer(50, &device);
    assert_ne!(check(&copy), outputs);
    copy.weight = Param::from_tensor(first.weight.val());
    copy.bias = first.bias.as_ref().map(|bias| Param::from_tensor(bias.val()));
    assert_eq!(check(&copy), outputs);
    // Trained from where it is.
    let tracked = first.clone().to_device(&device.clone().autodiff());
    let x = values::<2>([5, WIDTH], 4, &device.clone().autodiff()).require_grad();
    let grads = ops::linear(x.clone(), &tracked, None).sum().backward();
    let expected = read_f32(first.weight.val().sum_dim(1)).unwrap();
    let found = read_f32(x.grad(&grads).unwrap()).unwrap();
    assert_close(&found[..WIDTH], &expected, "gradient");
    let other = first.to_device(&Device::ndarray());
    let x = values([7, WIDTH], 3, &Device::ndarray());
    assert_close(&read_f32(ops::linear(x, &other, None)).unwrap(), &outputs, "ndarray");
}

#[test]
fn memory_of_weights_that_are_gone_is_used_by_others() {
    let device = Device::flex();
    let mut seen = Vec::new();
    for seed in 0..40 {
        let layer = layer(100 + seed, &device);
        seen.push(check(&if seed % 2 == 0 { layer } else { kept(layer) }));
    }
    seen.dedup();
    assert_eq!(seen.len(), 40);
}

#[test]
fn views_of_one_storage_are_apart() {
    let device = Device::flex();
    let both = values::<2>([WIDTH, 2 * WIDTH], 60, &device);
    let x = values::<2>([7, WIDTH], 3, &device);
    for part in [both.clone().narrow(1, 0, WIDTH), both.clone().narrow(1, WIDTH, WIDTH)] {
        for weight in [part.clone(), part.transpose()] {
            let expected = read_f32(x.clone().matmul(weight.clone())).unwrap();
            for pass in 0..3 {
                let found = read_f32(ops::linear_with(x.clone(), weight.clone(), None, None)).unwrap();
                assert_close(&found, &expected, &format!("pass {pass}"));
            }
        }
    }
}

#[test]
fn threads_share_a_weight() {
    let device = Device::flex();
    let layers = [layer(70, &device), kept(layer(71, &device))];
    let expected = layers.each_ref().map(check);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    for (layer, expected) in layers.iter().zip(&expected) {
                        assert_eq!(&check(layer), expected);
                    }
                }
            });
        }
    });
}

#[test]
fn other_instructions_than_it_was_packed_for() {
    let device = Device::flex();
    let packed = kept(layer(80, &device));
    let x = values::<2>([7, WIDTH], 3, &device);
    let expected = read_f32(ops::linear(x.clone(), &packed, None)).unwrap();
    for isa in medkernels::Isa::available() {
        let found = medkernels::with_isa(isa, || read_f32(ops::linear(x.clone(), &packed, None)).unwrap());
        assert_close(&found.unwrap(), &expected, &isa.to_string());
    }
}

fn conv(groups: usize, stride: usize, device: &Device) -> Conv2d {
    let mut conv = Conv2dConfig::new([24, 24], [3, 3])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .with_groups(groups)
        .init(device);
    conv.weight = Param::from_tensor(values([24, 24 / groups, 3, 3], 5, device));
    conv.bias = conv.bias.map(|_| Param::from_tensor(values([24], 6, device)));
    conv
}

#[test]
fn images_with_their_channels_last() {
    let results = [Device::flex(), Device::ndarray()].map(|device| {
        let image = ops::channels_last(values::<4>([2, 24, 11, 13], 1, &device));
        let mut out = Vec::new();
        for stride in [1, 2] {
            let conv = conv(1, stride, &device);
            for _ in 0..3 {
                let map = ops::conv2d(image.clone(), &conv, Some(Activation::Relu));
                out.push(read_f32(map.clone()).unwrap());
                let residual = values(map.dims(), 7, &device);
                out.push(read_f32(ops::conv2d_residual(image.clone(), &conv, residual)).unwrap());
                out.push(read_f32(ops::conv2d_residual(image.clone(), &conv, map)).unwrap());
            }
        }
        let depthwise = conv(24, 1, &device);
        out.push(read_f32(ops::depthwise_conv2d(image.clone(), &depthwise, Some(Activation::Gelu))).unwrap());
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        out.push(read_f32(ops::max_pool2d(image, &pool)).unwrap());
        out
    });
    for (index, (found, expected)) in results[0].iter().zip(&results[1]).enumerate() {
        assert_close(found, expected, &format!("result {index}"));
    }
}
