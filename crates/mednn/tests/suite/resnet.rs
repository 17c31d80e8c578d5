//! Residual networks against torchvision and transformers: operation, stage, model, gradients.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::MaxPool2dConfig;
use burn::tensor::{Device, Tensor};
use mednn::bridge::read_f32;
use mednn::layers::{ConvNorm, ConvNormConfig};
use mednn::resnet::{ResNet, ResNetBlockKind, ResNetConfig};
use mednn::weights::{
    KeyMap, Precision, Strictness, WeightReport, WeightSource, WeightWriter, load, load_part,
};
use mednn::{Error, Result};

use crate::common::{Golden, MODEL, OP, close, fixture};
use crate::gradients;

const CONV_NORM: KeyMap =
    KeyMap { layers: &[&[("conv", "conv"), ("norm", "norm")]], prefixes: &[], ignored: &["input"] };

fn basic() -> ResNetConfig {
    ResNetConfig::new(ResNetBlockKind::Basic, [2, 1, 1, 1], [8, 12, 16, 20])
        .with_embedding_size(8)
        .with_num_channels(1)
        .with_output_stages(vec![1, 2, 3, 4])
}

fn dc5() -> ResNetConfig {
    ResNetConfig::new(ResNetBlockKind::Bottleneck, [1, 1, 1, 2], [16, 24, 32, 40])
        .with_embedding_size(8)
        .with_num_channels(1)
        .with_dilate_last_stage(true)
        .with_output_stages(vec![1, 2, 3, 4])
}

fn transformers() -> ResNetConfig {
    let json = std::fs::read_to_string(fixture("resnet/transformers/config.json")).unwrap();
    ResNetConfig::from_hugging_face(&json).unwrap()
}

fn loaded(config: &ResNetConfig, case: &str, device: &Device) -> Result<(ResNet, WeightReport)> {
    let mut source = WeightSource::open(fixture("resnet").join(case).join("model.safetensors"))?;
    load(config.init(device), &mut source, config.key_map(), Strictness::Exact)
}

fn max_pooling(device: &Device) {
    let mut golden = Golden::open(fixture("resnet/ops.safetensors"));
    let pool = MaxPool2dConfig::new([3, 3])
        .with_strides([2, 2])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init();
    let found = pool.forward(golden.tensor("pool.input", device));
    close(found, golden.tensor("pool.output", device), OP, "pool");
}

fn conv_norm(frozen: bool, device: &Device) -> ConvNorm {
    let config = ConvNormConfig::new([3, 6], 3).with_stride(2).with_frozen(frozen);
    let mut source = WeightSource::open(fixture("resnet/ops.safetensors")).unwrap();
    load_part(config.init(device), &mut source, &CONV_NORM, "conv_norm.", Strictness::Exact).unwrap().0
}

/// Outputs and gradients of the sum of squares, with the statistics of the batch and with frozen ones.
fn conv_norm_gradients(device: &Device) {
    let device = device.clone().autodiff();
    let mut golden = Golden::open(fixture("resnet/ops.safetensors"));
    for (kind, frozen) in [("train", false), ("frozen", true)] {
        let layer = conv_norm(frozen, &device);
        let input = golden.tensor::<4>("conv_norm.input", &device).require_grad();
        let output = layer.forward_relu(input.clone());
        close(output.clone(), golden.tensor(&format!("{kind}.output"), &device), OP, kind);
        let gradients = output.square().sum().backward();
        let of_input = Tensor::from_inner(input.grad(&gradients).unwrap().inner());
        close(of_input, golden.tensor(&format!("{kind}.grad.input"), &device), MODEL, kind);
        let found = gradients::by_path(&layer, &gradients);
        let expected = golden.suffixes(&format!("{kind}.grad."));
        let expected: Vec<_> = expected.into_iter().filter(|path| path != "input").collect();
        assert_eq!(found.keys().cloned().collect::<Vec<_>>(), expected, "{kind}");
        for (path, values) in found {
            let expected = golden.values(&format!("{kind}.grad.{path}"));
            let scale = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
            for (a, b) in values.iter().zip(&expected) {
                assert!((a - b).abs() <= MODEL * scale, "{kind} {path}: {a} for {b}");
            }
        }
    }
}

/// Training moves the running statistics of a trainable batch norm, as torch does, and of a frozen one never.
fn running_statistics(device: &Device) {
    let device = device.clone().autodiff();
    let mut golden = Golden::open(fixture("resnet/ops.safetensors"));
    let input = golden.tensor::<4>("conv_norm.input", &device);
    for (frozen, expected) in [(false, "train.running_mean"), (true, "conv_norm.norm.running_mean")] {
        let layer = conv_norm(frozen, &device);
        layer.forward(input.clone());
        let mut writer = WeightWriter::new(Precision::F32);
        // `valid` writes back what the forward pass has seen.
        writer.add("", &layer.valid(), &CONV_NORM).unwrap();
        let mut written = WeightSource::from_bytes("written", writer.to_bytes().unwrap()).unwrap();
        let found = written.read_f32("norm.running_mean").unwrap().unwrap();
        for (a, b) in found.iter().zip(golden.values(expected)) {
            assert!((a - b).abs() <= 1e-6, "frozen {frozen}: {a} for {b}");
        }
    }
}

fn folded(device: &Device) {
    let mut golden = Golden::open(fixture("resnet/ops.safetensors"));
    let layer = conv_norm(false, device).fold();
    assert!(layer.is_folded());
    let found = layer.forward_relu(golden.tensor("conv_norm.input", device));
    close(found, golden.tensor("frozen.output", device), OP, "folded");
}

fn model(config: &ResNetConfig, case: &str, device: &Device) {
    let (resnet, report) = loaded(config, case, device).unwrap();
    assert!(report.ignored.iter().all(|key| key.ends_with("num_batches_tracked") || key.starts_with("fc.")));
    let mut golden = Golden::open(fixture("resnet").join(case).join("golden.safetensors"));
    let sizes = golden.suffixes("input.");
    assert_eq!(sizes.len(), 2);
    let folded = resnet.clone().fold_batch_norm();
    for size in sizes {
        let images = golden.tensor::<4>(&format!("input.{size}"), device);
        let output = resnet.encode(images.clone()).unwrap();
        if size == "33x47" {
            let stem = golden.tensor::<4>(&format!("stem.{size}"), device);
            close(resnet.embed(images.clone()), stem.clone(), MODEL, &format!("{case} {size} stem"));
            // Each stage by itself, from what torch had before it.
            let mut before = stem;
            for (index, stage) in resnet.stages().iter().enumerate() {
                let expected = golden.tensor::<4>(&format!("stage{}.{size}", index + 1), device);
                let what = format!("{case} {size} stage {}", index + 1);
                close(stage.forward(before), expected.clone(), MODEL, &what);
                if config.output_stages.contains(&(index + 1)) {
                    close(output.stage(index + 1).unwrap(), expected.clone(), MODEL, &what);
                }
                before = expected;
            }
        }
        let expected = golden.tensor::<4>(&format!("stage4.{size}"), device);
        close(output.feature_map(), expected.clone(), MODEL, &format!("{case} {size}"));
        let pooled = golden.tensor::<2>(&format!("pooled.{size}"), device);
        close(output.pooled(), pooled, MODEL, &format!("{case} {size} pooled"));
        let found = folded.forward(images).feature_map();
        close(found, expected, MODEL, &format!("{case} {size} folded"));
    }
}

/// With frozen batch norms and a frozen stage, gradients reach the other convolutions and nothing else, and a few steps
/// lower the loss.
fn training(device: &Device) {
    let device = device.clone().autodiff();
    let config = basic().with_frozen_batch_norm(true);
    let mut resnet = loaded(&config, "torchvision_basic", &device).unwrap().0.freeze_through(1);
    let mut golden = Golden::open(fixture("resnet/torchvision_basic/golden.safetensors"));
    let images = golden.tensor::<4>("input.33x47", &device);
    let mut losses = Vec::new();
    for _ in 0..8 {
        let loss = (resnet.forward(images.clone()).pooled() - 1.0).square().mean();
        losses.push(read_f32(loss.clone()).unwrap()[0]);
        let gradients = loss.backward();
        let found = gradients::by_path(&resnet, &gradients);
        // Stages 2 to 4: two convolutions and a shortcut each.
        assert_eq!(found.len(), 9, "{:?}", found.keys());
        assert!(found.keys().all(|path| path.ends_with(".conv.weight") && !path.starts_with("stages.0")));
        assert!(found.values().all(|values| values.iter().any(|v| *v != 0.0)));
        resnet = gradients::descend(resnet, &gradients, 1e-4);
    }
    assert!(losses[7] < 0.7 * losses[0], "{losses:?}");
}

macro_rules! suite {
    ($backend:ident, $open:expr) => {
        mod $backend {
            use super::*;

            fn device() -> Device {
                $open
            }

            #[test]
            fn max_pooling() {
                super::max_pooling(&device());
            }
            #[test]
            fn conv_norm_gradients() {
                super::conv_norm_gradients(&device());
            }
            #[test]
            fn running_statistics() {
                super::running_statistics(&device());
            }
            #[test]
            fn folded() {
                super::folded(&device());
            }
            #[test]
            fn transformers() {
                super::model(&super::transformers(), "transformers", &device());
            }
            #[test]
            fn torchvision_basic() {
                super::model(&basic(), "torchvision_basic", &device());
            }
            #[test]
            fn torchvision_dc5() {
                super::model(&dc5(), "torchvision_dc5", &device());
            }
            #[test]
            fn training() {
                super::training(&device());
            }
        }
    };
}

suite!(flex, Device::flex());
suite!(ndarray, {
    #[allow(deprecated)] // leaves burn in 0.23; a second opinion on the numbers until then
    Device::ndarray()
});
#[cfg(feature = "wgpu")]
suite!(wgpu, mednn::Backend::Wgpu.open().unwrap().device().clone());

#[test]
fn the_files_of_a_folder_are_enough() {
    let resnet = ResNet::from_pretrained(fixture("resnet/transformers"), &Device::flex()).unwrap();
    assert_eq!((resnet.channels(), resnet.width()), (3, 40));
    assert_eq!(transformers().output_stages, [2, 4]);
    assert!(matches!(ResNet::from_pretrained(fixture("resnet"), &Device::flex()), Err(Error::Io { .. })));
}

#[test]
fn written_weights_load_again() {
    let device = Device::flex();
    for (config, case) in [(basic(), "torchvision_basic"), (transformers(), "transformers")] {
        let (resnet, report) = loaded(&config, case, &device).unwrap();
        let mut writer = WeightWriter::new(Precision::F32);
        writer.add("", &resnet, config.key_map()).unwrap();
        let mut source = WeightSource::from_bytes("written", writer.to_bytes().unwrap()).unwrap();
        assert_eq!(source.keys().count(), report.loaded.len());
        assert!(load(config.init(&device), &mut source, config.key_map(), Strictness::Exact).is_ok());
        // Folded, there is no such model to publish.
        let folded = resnet.fold_batch_norm();
        let mut writer = WeightWriter::new(Precision::F32);
        writer.add("", &folded, config.key_map()).unwrap();
        let mut source = WeightSource::from_bytes("written", writer.to_bytes().unwrap()).unwrap();
        let again = load(config.init(&device), &mut source, config.key_map(), Strictness::Exact);
        assert!(matches!(again, Err(Error::Weights { .. })));
    }
}

#[test]
fn a_backbone_loads_from_a_part_of_another_model() {
    let config = ResNetConfig::new(ResNetBlockKind::Basic, [1, 1, 1, 2], [8, 8, 12, 16]).with_num_channels(1);
    let mut source = WeightSource::open(fixture("detr/timm/model.safetensors")).unwrap();
    let prefix = "model.backbone.conv_encoder.model.";
    let device = Device::flex();
    let resnet = load_part(config.init(&device), &mut source, config.key_map(), prefix, Strictness::Exact);
    assert!(resnet.is_ok());
}

#[test]
fn weights_of_another_depth_do_not_fit() {
    let config = ResNetConfig { depths: [2, 1, 2, 1], ..basic() };
    let Err(Error::Weights { report, .. }) = loaded(&config, "torchvision_basic", &Device::flex()) else {
        panic!("weights of another depth")
    };
    // Two convolutions, and the weight, bias, mean and variance of their batch norms.
    assert_eq!(report.missing.len(), 10);
    assert!(report.missing.iter().all(|key| key.starts_with("layer3.1.")), "{:?}", report.missing);
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let device = Device::flex();
    let resnet = basic().init(&device);
    for shape in [[1, 3, 32, 32], [0, 1, 32, 32], [1, 1, 0, 32], [1, 1, 32, 0]] {
        let refused = resnet.encode(Tensor::zeros(shape, &device));
        assert!(matches!(refused, Err(Error::Shape { what: "images", .. })), "{shape:?}");
    }
    // The smallest there is.
    let output = resnet.encode(Tensor::zeros([1, 1, 1, 1], &device)).unwrap();
    assert_eq!(output.feature_map().dims(), [1, 20, 1, 1]);
    assert!(output.stage(5).is_none());
}
