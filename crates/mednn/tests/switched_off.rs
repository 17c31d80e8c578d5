//! Networks without the kernels, in a process of its own: the switch is the process's.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use mednn::bridge::read_f32;
use mednn::ops::{kernels_enabled, set_kernels_enabled};
use mednn::resnet::ResNet;
use mednn::weights::WeightSource;
use mednn::{Mit, Vit};

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

/// Images of a golden file, as large as they come.
fn images(file: &str, device: &Device) -> Tensor<4> {
    let mut golden = WeightSource::open(fixture(file)).unwrap();
    let key = golden.keys().filter(|key| key.starts_with("input")).max().unwrap().to_string();
    let shape = golden.shape(&key).unwrap().to_vec();
    Tensor::from_data(burn::tensor::TensorData::new(golden.read_f32(&key).unwrap().unwrap(), shape), device)
}

/// Outputs, and gradients with respect to the images, of three networks.
fn results() -> Vec<(&'static str, Vec<f32>)> {
    let mut results = Vec::new();
    for device in [Device::flex(), Device::flex().autodiff()] {
        // Training drops the same paths.
        device.seed(3);
        let vit = Vit::from_pretrained(fixture("vit/dinov2"), &device).unwrap();
        let resnet = ResNet::from_pretrained(fixture("resnet/transformers"), &device).unwrap();
        let mit = Mit::from_pretrained(fixture("segformer"), &device).unwrap();
        let mut add = |what, y: Tensor<1>, x: &Tensor<4>| {
            if device.is_autodiff() {
                let gradients = y.clone().square().mean().backward();
                results.push((what, read_f32(x.grad(&gradients).unwrap()).unwrap()));
            }
            results.push((what, read_f32(y).unwrap()));
        };
        let input = |file| {
            let images = images(file, &device);
            if device.is_autodiff() { images.require_grad() } else { images }
        };
        let x = input("vit/dinov2/golden.safetensors");
        add("ViT", vit.encode(x.clone()).unwrap().tokens().flatten(0, 2), &x);
        let x = input("resnet/transformers/golden.safetensors");
        add("ResNet", resnet.encode(x.clone()).unwrap().feature_map().flatten(0, 3), &x);
        let x = input("segformer/golden.safetensors");
        add("Mix Transformer", mit.encode(x.clone()).unwrap().last().flatten(0, 3), &x);
    }
    results
}

#[test]
fn networks_are_the_same_without_kernels() {
    assert!(kernels_enabled());
    let with = results();
    set_kernels_enabled(false);
    assert!(!kernels_enabled());
    let without = results();
    set_kernels_enabled(true);
    assert_eq!(with.len(), 9);
    for ((what, found), (_, expected)) in with.iter().zip(&without) {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        assert!(largest > 0.0 && largest.is_finite(), "{what}: {largest}");
        let difference = found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs()));
        // NaN would be lost in a maximum, not in a sum.
        let difference = difference.sum::<f64>() / found.len() as f64;
        assert!(difference <= 1e-5 * f64::from(largest), "{what}: {difference:e} beside {largest}");
        // Other operations round differently: without a difference nothing was switched.
        assert!(found != expected, "{what} to the bit");
    }
}
