//! Linear layers in 8 bits: what is rounded, what is not, and how far results are off.
#![allow(deprecated)] // `ndarray` leaves burn in 0.23; it stands here for any backend without kernels

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use mednn::bert::{Bert, BertConfig};
use mednn::bridge::read_f32;
use mednn::int8::{QuantizeReport, quantize};
use mednn::ops::{self, Activation};
use mednn::weights::{self, Precision, Strictness, WeightSource};
use mednn::{Vit, VitConfig};

use crate::common::{Golden, fixture};

fn values<const D: usize>(shape: [usize; D], seed: usize, device: &Device) -> Tensor<D> {
    let value = |i: usize| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0;
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn layer(inputs: usize, outputs: usize, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(inputs, outputs).init(device);
    layer.weight = Param::from_tensor(values([inputs, outputs], 1, device));
    layer.bias = layer.bias.map(|_| Param::from_tensor(values([outputs], 2, device)));
    layer
}

fn rounded(layer: Linear) -> Linear {
    let (layer, report) = quantize(layer, |_| true);
    assert_eq!((report.rounded, report.kept), (vec!["weight".to_string()], vec![]));
    layer
}

/// Root mean square of the difference over that of what is expected.
fn off<const D: usize>(found: Tensor<D>, expected: Tensor<D>) -> f32 {
    let norm = |x: Tensor<D>| read_f32(x.square().mean()).unwrap()[0].sqrt();
    norm(found - expected.clone()) / norm(expected)
}

#[test]
fn a_layer_is_off_by_roundings_whatever_follows_it() {
    let device = Device::flex();
    for [rows, inputs, outputs] in [[1, 96, 48], [7, 130, 33], [300, 384, 200]] {
        let plain = layer(inputs, outputs, &device);
        let int8 = rounded(plain.clone());
        let (x, residual) = (values([rows, inputs], 3, &device), values([rows, outputs], 4, &device));
        let scale = values([outputs], 5, &device);
        for activation in [None, Some(Activation::Gelu), Some(Activation::Silu)] {
            let difference =
                off(ops::linear(x.clone(), &int8, activation), ops::linear(x.clone(), &plain, activation));
            assert!(difference > 0.0 && difference < 0.012, "{rows} x {inputs} x {outputs}: {difference}");
        }
        let residual =
            |layer: &Linear| ops::linear_residual(x.clone(), layer, Some(scale.clone()), residual.clone());
        assert!(off(residual(&int8), residual(&plain)) < 0.012);
    }
}

#[test]
fn other_operations_see_the_rounded_weight() {
    let device = Device::flex();
    let plain = layer(130, 48, &device);
    let int8 = rounded(plain.clone());
    let weight = int8.weight.val();
    let columns = plain.weight.val().abs().max_dim(0);
    let most = read_f32((weight.clone() - plain.weight.val()).abs() / columns).unwrap();
    assert!(most.iter().all(|x| *x <= 0.501 / 127.0));
    // All but the rows is the same then.
    let x = values([9, 130], 3, &device);
    let expected = x.clone().matmul(weight.clone());
    assert!(off(ops::linear_with(x, weight.clone(), None, None), expected) < 0.01);
    // Written to, it is a weight in f32.
    let changed = weight.slice_assign([0..1, 0..1], Tensor::full([1, 1], 5.0, &device));
    let x = values([9, 130], 6, &device);
    let expected = x.clone().matmul(changed.clone());
    assert!(off(ops::linear_with(x, changed, None, None), expected) < 1e-6);
}

#[test]
fn what_the_kernels_do_not_take_stays_as_it_is() {
    let kept = |inputs, device: &Device| {
        let plain = layer(inputs, 48, device);
        let x = values([5, inputs], 3, device);
        let expected = read_f32(ops::linear(x.clone(), &plain, None)).unwrap();
        let (same, report) = quantize(plain, |_| true);
        assert_eq!(read_f32(ops::linear(x, &same, None)).unwrap(), expected);
        assert_eq!(report.to_string(), "0 linear layers in 8 bits, of 0.0 MiB in f32; 1 stay in f32");
    };
    kept(64, &Device::ndarray());
    kept(64, &Device::flex().autodiff());
    kept(2, &Device::flex());
    kept(65_537, &Device::flex());
}

#[test]
fn a_rounded_layer_can_be_trained_further() {
    let device = Device::flex();
    let int8 = rounded(layer(96, 48, &device));
    let weight = read_f32(int8.weight.val()).unwrap();
    let training = device.clone().autodiff();
    let tracked = int8.to_device(&training).train();
    let x = values::<2>([5, 96], 4, &training).require_grad();
    let y = ops::linear(x.clone(), &tracked, None);
    let gradients = y.sum().backward();
    let sums: Vec<f32> = weight.chunks_exact(48).map(|row| row.iter().sum()).collect();
    let found = read_f32(x.grad(&gradients).unwrap()).unwrap();
    for (found, expected) in found.iter().zip(sums.iter().cycle()) {
        assert!((found - expected).abs() < 1e-3);
    }
    assert!(tracked.weight.val().grad(&gradients).is_some());
    // Values do not depend on what is trained.
    let untracked = ops::linear(x.clone().detach(), &tracked.clone().freeze(), None);
    let frozen = ops::linear(x.clone(), &tracked, None);
    assert!(off(untracked.inner(), frozen.inner()) < 1e-6);
}

fn vit(device: &Device) -> (Vit, Tensor<4>) {
    let vit = Vit::from_pretrained(fixture("vit/dinov2"), device).unwrap();
    let mut golden = Golden::open(fixture("vit/dinov2").join("golden.safetensors"));
    let key = golden.suffixes("input").into_iter().max().unwrap();
    (vit, golden.tensor(&format!("input{key}"), device))
}

#[test]
fn a_vision_transformer_is_little_off() {
    let device = Device::flex();
    let (plain, images) = vit(&device);
    let (int8, report) = quantize(plain.clone(), |_| true);
    // Those of attention are too small to gain anything.
    assert!(report.kept.len() == 8 && report.kept.iter().all(|path| path.contains(".attention.")));
    let rounded =
        [0, 1].map(|i| [format!("blocks.{i}.mlp.input.weight"), format!("blocks.{i}.mlp.output.weight")]);
    assert_eq!(report.rounded, rounded.concat());
    let tokens = |vit: &Vit, images: Tensor<4>| vit.encode(images).unwrap().tokens();
    let found = tokens(&int8, images.clone());
    let difference = off(found.clone(), tokens(&plain, images.clone()));
    assert!(difference > 0.0 && difference < 0.05, "{difference}");
    // An image's results are its own.
    let both = Tensor::cat(vec![images.clone().narrow(0, 0, 1) * 3.0, images.clone().narrow(0, 0, 1)], 0);
    assert_eq!(
        read_f32(tokens(&int8, both).narrow(0, 1, 1)).unwrap(),
        read_f32(tokens(&int8, images.narrow(0, 0, 1))).unwrap()
    );
}

#[test]
fn only_what_is_wanted_is_rounded() {
    let (plain, images) = vit(&Device::flex());
    let tokens = |vit: &Vit| read_f32(vit.encode(images.clone()).unwrap().tokens()).unwrap();
    let mut asked = Vec::new();
    let (same, report) = quantize(plain.clone(), |path| {
        asked.push(path.to_string());
        false
    });
    assert_eq!(report, QuantizeReport::default());
    assert_eq!(tokens(&same), tokens(&plain));
    assert!(asked.len() == 12 && asked.iter().all(|path| path.starts_with("blocks.")));
    let wanted = "blocks.1.mlp.output.weight";
    let (_, report) = quantize(plain, |path| path == wanted);
    assert_eq!((report.rounded, report.kept), (vec![wanted.to_string()], vec![]));
}

#[test]
fn a_text_encoder_is_little_off() {
    let device = Device::flex();
    let plain = Bert::from_pretrained(fixture("bert/tokens"), &device).unwrap();
    let mut golden = Golden::open(fixture("bert/tokens").join("golden.safetensors"));
    let ids: Tensor<2, Int> = golden.tensor::<2>("ids", &device).int();
    let (int8, _) = quantize(plain.clone(), |_| true);
    let tokens = |bert: &Bert| bert.forward(ids.clone(), None, None);
    let difference = off(tokens(&int8), tokens(&plain));
    assert!(difference > 0.0 && difference < 0.05, "{difference}");
}

#[test]
fn it_is_saved_and_loaded_as_f32() {
    let device = Device::flex();
    let config = BertConfig::new(48, 2, 3, 96);
    let plain = config.init(&device);
    let (int8, _) = quantize(plain, |_| true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    weights::save(&int8, &path, config.key_map(), Precision::F32).unwrap();
    let mut source = WeightSource::open(&path).unwrap();
    let (loaded, _) =
        weights::load(config.init(&device), &mut source, config.key_map(), Strictness::Exact).unwrap();
    let x = values([2, 9, 48], 3, &device);
    let difference = off(int8.forward(x.clone(), None), loaded.forward(x, None));
    assert!(difference > 0.0 && difference < 0.05, "{difference}");
}

#[test]
fn weights_are_rounded_as_they_are_read_too() {
    let device = Device::flex();
    let folder = fixture("vit/dinov2");
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let source = |device: &Device| {
        let source = WeightSource::open(folder.join("model.safetensors")).unwrap();
        Vit::from_source(&config, source.in_int8(|key| key.contains(".mlp.fc1.")), device).unwrap()
    };
    let (read, report) = source(&device);
    assert_eq!(
        report.rounded,
        ["encoder.layer.0.mlp.fc1.weight", "encoder.layer.1.mlp.fc1.weight"].map(String::from)
    );
    assert!(report.to_string().ends_with("keys loaded, 2 of them in 8 bits"), "{report}");
    let (plain, images) = vit(&device);
    let (int8, _) = quantize(plain, |path| path.ends_with("mlp.input.weight"));
    let tokens = |vit: &Vit| read_f32(vit.encode(images.clone()).unwrap().tokens()).unwrap();
    assert_eq!(tokens(&read), tokens(&int8));
    for other in [Device::ndarray(), device.autodiff()] {
        let (_, report) = source(&other);
        assert_eq!((report.rounded.len(), report.not_rounded.len()), (0, 2));
    }
}

#[test]
fn a_clone_shares_its_weights() {
    let device = Device::flex();
    let config = VitConfig::from_hugging_face(
        &std::fs::read_to_string(fixture("vit/dinov2").join("config.json")).unwrap(),
    )
    .unwrap();
    let (int8, _) = quantize(config.init(&device), |_| true);
    let images = values([1, 3, config.image_size, config.image_size], 3, &device);
    let tokens = |vit: &Vit| read_f32(vit.encode(images.clone()).unwrap().tokens()).unwrap();
    assert_eq!(tokens(&int8.clone()), tokens(&int8));
    assert_eq!(tokens(&int8.clone().to_device(&device)), tokens(&int8));
}
