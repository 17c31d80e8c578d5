//! Detection transformers against transformers, timm and torch: operation, layer, model, gradients.

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor};
use mednn::Error;
use mednn::bridge::read_f32;
use mednn::detr::{
    Detr, DetrConfig, DetrDetector, DetrMemory, DetrTransformerConfig, downsample_mask, sine_positions,
};
use mednn::layers::{CrossAttentionConfig, cross_padding_mask};
use mednn::resnet::{ResNetBlockKind, ResNetConfig};
use mednn::weights::{KeyMap, Precision, Strictness, WeightSource, WeightWriter, load, load_part};

use crate::common::{Golden, MODEL, OP, close, fixture};
use crate::gradients;

const ATTENTION: KeyMap = KeyMap {
    layers: &[&[("query", "query"), ("key", "key"), ("value", "value"), ("output", "output")]],
    prefixes: &[],
    ignored: &[],
};

fn timm() -> DetrConfig {
    let backbone = ResNetConfig::new(ResNetBlockKind::Basic, [1, 1, 1, 2], [8, 8, 12, 16])
        .with_num_channels(1)
        .with_dilate_last_stage(true)
        .with_frozen_batch_norm(true);
    let layers = DetrTransformerConfig::new().with_num_layers(2).with_width(16);
    DetrConfig::new(backbone, 3)
        .with_encoder(layers.clone().with_heads(2).with_ffn(24))
        .with_decoder(layers.with_heads(4).with_ffn(28))
        .with_num_queries(5)
}

fn transformers() -> DetrConfig {
    let json = std::fs::read_to_string(fixture("detr/transformers/config.json")).unwrap();
    DetrConfig::from_hugging_face(&json).unwrap()
}

fn source(case: &str) -> WeightSource {
    WeightSource::open(fixture("detr").join(case).join("model.safetensors")).unwrap()
}

fn detector(config: &DetrConfig, case: &str, device: &Device) -> DetrDetector {
    let map = config.detector_key_map();
    load(config.init_detector(device), &mut source(case), map, Strictness::Exact).unwrap().0
}

fn positions(device: &Device) {
    let mut golden = Golden::open(fixture("detr/ops.safetensors"));
    let valid = golden.tensor::<3>("sine.mask", device).greater_elem(0.5);
    close(sine_positions(valid, 24), golden.tensor("sine.output", device), OP, "positions");
}

fn cross_attention(device: &Device) {
    let mut golden = Golden::open(fixture("detr/ops.safetensors"));
    let mut source = WeightSource::open(fixture("detr/ops.safetensors")).unwrap();
    let layer = CrossAttentionConfig::new(16, 4).init(device);
    let (layer, _) = load_part(layer, &mut source, &ATTENTION, "layer.", Strictness::Exact).unwrap();
    let [query, key, value] =
        ["query", "key", "value"].map(|part| golden.tensor::<3>(&format!("attention.{part}"), device));
    let valid = golden.tensor::<2>("attention.valid", device).greater_elem(0.5);
    let mask = cross_padding_mask(valid, layer.heads(), 3);
    let plain = layer.forward(query.clone(), key.clone(), value.clone(), None);
    close(plain, golden.tensor("attention.plain", device), MODEL, "attention");
    let masked = layer.forward(query, key, value, Some(mask));
    close(masked, golden.tensor("attention.output", device), MODEL, "masked attention");
}

/// Dropout leaves some weights out in training, and only there; the mask holds all the same.
fn attention_dropout(device: &Device) {
    let device = device.clone().autodiff();
    device.seed(3);
    let layer = CrossAttentionConfig::new(8, 2).with_dropout(0.5).init(&device);
    let [query, key] =
        [3, 6].map(|n| Tensor::<3>::random([1, n, 8], burn::tensor::Distribution::Normal(0.0, 1.0), &device));
    let forward = |value: Tensor<3>| {
        let valid = Tensor::<2>::from_data([[1.0, 1.0, 1.0, 1.0, 0.0, 0.0]], &device).greater_elem(0.5);
        layer.forward(query.clone(), key.clone(), value, Some(cross_padding_mask(valid, 2, 3)))
    };
    let one = read_f32(forward(key.clone())).unwrap();
    let other = read_f32(forward(key.clone())).unwrap();
    assert_ne!(one, other, "dropout in training");
    // What is masked does not matter, whatever is dropped.
    let value = Tensor::cat(vec![key.clone().narrow(1, 0, 4), Tensor::full([1, 2, 8], 1e9, &device)], 1);
    assert!(read_f32(forward(value)).unwrap().iter().all(|v| v.abs() < 1e3));
    // Without dropout, the two ways are one function.
    let same = CrossAttentionConfig::new(8, 2).with_dropout(1e-12).init(&device);
    let explicit = same.forward(query.clone(), key.clone(), key.clone(), None).inner();
    let fused = same.valid().forward(query.clone().inner(), key.clone().inner(), key.clone().inner(), None);
    close(explicit, fused, MODEL, "explicit attention");
}

/// The nearest pixel of each token, also where sizes do not divide.
fn masks(device: &Device) {
    let valid = Tensor::<3>::from_data([[[0.0, 1.0, 1.0, 0.0, 1.0]; 3]], device).greater_elem(0.5);
    let found = downsample_mask(valid.clone(), [2, 3]);
    assert_eq!(read_f32(found.float()).unwrap(), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(downsample_mask(valid.clone(), [3, 5]).dims(), [1, 3, 5]);
    assert_eq!(read_f32(downsample_mask(valid, [1, 1]).float()).unwrap(), [0.0]);
}

fn model(config: &DetrConfig, case: &str, device: &Device) {
    let detector = detector(config, case, device);
    let detr = detector.detr();
    let mut golden = Golden::open(fixture("detr").join(case).join("golden.safetensors"));
    let images = golden.tensor::<4>("input", device);
    let valid: Tensor<3, Bool> = golden.tensor::<3>("mask", device).greater_elem(0.5);
    for (prefix, valid) in [("", Some(valid)), ("plain.", None)] {
        let mut expect = |name: &str| golden.tensor::<3>(&format!("{prefix}{name}"), device);
        let what = |name: &str| format!("{case} {prefix}{name}");
        let output = detr.encode(images.clone(), valid.clone()).unwrap();
        close(output.memory(), expect("encoder"), MODEL, &what("encoder"));
        close(output.queries(), expect("decoder"), MODEL, &what("decoder"));
        let each = detr.forward_each(images.clone(), valid.clone());
        assert_eq!(each.len(), 2);
        close(each[1].clone(), expect("decoder"), MODEL, &what("decoder, each"));

        // Each layer by itself, from what transformers had before it.
        let (mut memory, [rows, columns]) = detr.encode_memory(images.clone(), valid.clone());
        memory.tokens = expect("encoder");
        if prefix.is_empty() {
            memory.positions = expect("positions");
            let grid = downsample_mask(valid.clone().unwrap(), [rows, columns]);
            close(sine_positions(grid, 16), expect("positions"), OP, &what("positions"));
        }
        let mask = memory.valid.clone().map(|v| cross_padding_mask(v, config.encoder.heads, rows * columns));
        let second = detr.encoder().layers()[1].forward(expect("encoder0"), memory.positions.clone(), mask);
        close(second, expect("encoder"), MODEL, &what("encoder layer"));

        let found = detector.detect(images.clone(), valid).unwrap();
        close(found.logits(), expect("logits"), MODEL, &what("logits"));
        close(found.boxes(), expect("boxes"), MODEL, &what("boxes"));
        let heads = detector.heads(expect("decoder"));
        close(heads.boxes(), expect("boxes"), OP, &what("box head"));
        let sums = read_f32(found.probabilities().sum_dim(2)).unwrap();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    }
    let folded = detector.clone().fold_batch_norm().forward(images, None);
    close(folded.boxes(), golden.tensor("plain.boxes", device), MODEL, &format!("{case} folded"));
}

/// Encoder and decoder by themselves against PyTorch's, which have no positions: outputs and gradients.
fn torch_layers(device: &Device) {
    let device = device.clone().autodiff();
    let mut golden = Golden::open(fixture("detr/torch.safetensors"));
    let mut source = WeightSource::open(fixture("detr/torch.safetensors")).unwrap();
    source.split_in_proj().unwrap();
    let config = DetrTransformerConfig::new().with_num_layers(2).with_width(16).with_heads(4).with_ffn(24);
    let config = config.with_dropout(0.0);
    let (encoder, map) = (config.init_encoder(&device), config.torch_encoder_key_map());
    let (encoder, _) = load_part(encoder, &mut source, map, "encoder.", Strictness::Exact).unwrap();
    let (decoder, map) = (config.init_decoder(&device), config.torch_decoder_key_map());
    let (decoder, _) = load_part(decoder, &mut source, map, "decoder.", Strictness::Exact).unwrap();

    let tokens = golden.tensor::<3>("tokens", &device).require_grad();
    let queries = golden.tensor::<3>("queries", &device).require_grad();
    let valid = golden.tensor::<2>("valid", &device).greater_elem(0.5);
    let nowhere = |n| Tensor::<3>::zeros([1, n, 16], &device);
    let memory = encoder.forward(tokens.clone(), nowhere(7), Some(valid.clone()));
    close(memory.clone(), golden.tensor("memory", &device), MODEL, "torch's encoder");
    let memory = DetrMemory { tokens: memory, positions: nowhere(7), valid: Some(valid) };
    let found = decoder.forward(queries.clone(), nowhere(3), &memory);
    close(found.clone(), golden.tensor("output", &device), MODEL, "torch's decoder");

    let gradients = found.square().sum().backward();
    for (input, name) in [(tokens, "grad.tokens"), (queries, "grad.queries")] {
        let found = Tensor::from_inner(input.grad(&gradients).unwrap().inner());
        close(found, golden.tensor(name, &device), MODEL, name);
    }
    let found = gradients::by_path(&encoder, &gradients).remove("layers.0.attention.key.weight").unwrap();
    let found = Tensor::<1>::from_floats(found.as_slice(), &device).reshape([16, 16]);
    close(found, golden.tensor::<2>("grad.encoder_key", &device), MODEL, "grad of a weight");
}

/// What padding holds does not change what is found, on either side of the image.
fn padding_is_not_seen(device: &Device) {
    let config = timm();
    let detr = detector(&config, "timm", device);
    let mut golden = Golden::open(fixture("detr/timm/golden.safetensors"));
    let (memory, grid) = detr.detr().encode_memory(golden.tensor("input", device), None);
    let tokens = memory.tokens.dims()[1];
    assert_eq!(tokens, grid[0] * grid[1]);
    let real: Vec<f32> = (0..2 * tokens).map(|i| if i % tokens < tokens / 2 { 1.0 } else { 0.0 }).collect();
    let real = Tensor::<1>::from_floats(real.as_slice(), device).reshape([2, tokens]);
    let valid = Some(real.clone().greater_elem(0.5));
    let fill = |padding: f32| {
        let real = real.clone().reshape([2, tokens, 1]);
        memory.tokens.clone() * real.clone() + (real * -1.0 + 1.0) * padding
    };
    let encode = |padding: f32| {
        let tokens_in = fill(padding);
        let encoded = detr.detr().encoder().forward(tokens_in, memory.positions.clone(), valid.clone());
        encoded.narrow(1, 0, tokens / 2)
    };
    close(encode(0.0), encode(50.0), MODEL, "padding of the encoder");
    let decode = |padding: f32| {
        let memory =
            DetrMemory { tokens: fill(padding), positions: memory.positions.clone(), valid: valid.clone() };
        let queries = Tensor::ones([2, 5, 16], device);
        detr.detr().decoder().forward(queries.clone(), queries, &memory)
    };
    close(decode(0.0), decode(50.0), MODEL, "padding of the decoder");
}

/// Gradients reach everything but batch norms, stem and stage 1, and a few steps lower the loss.
fn training(device: &Device) {
    let device = device.clone().autodiff();
    device.seed(5);
    let config = timm();
    let mut detr = detector(&config, "timm", &device).freeze_backbone_through(1);
    let mut golden = Golden::open(fixture("detr/timm/golden.safetensors"));
    let images = golden.tensor::<4>("input", &device).slice([0..2, 0..1, 16..48, 0..64]);
    let valid = golden.tensor::<3>("mask", &device).slice([0..2, 16..48, 0..64]).greater_elem(0.5);
    let target = Tensor::<3>::from_floats([[[0.5, 0.4, 0.2, 0.3]; 5]; 2], &device);
    let mut losses = Vec::new();
    for _ in 0..8 {
        let found = detr.forward(images.clone(), Some(valid.clone()));
        let loss =
            (found.boxes() - target.clone()).abs().mean() + found.probabilities().narrow(2, 0, 1).mean();
        losses.push(read_f32(loss.clone()).unwrap()[0]);
        let gradients = loss.backward();
        let found = gradients::by_path(&detr, &gradients);
        let frozen = |path: &&String| {
            path.contains(".norm.gamma") && path.contains("backbone")
                || path.starts_with("detr.backbone.stem")
                || path.starts_with("detr.backbone.stages.0")
        };
        assert_eq!(found.keys().find(frozen), None);
        for part in
            ["backbone.stages.1", "projection", "encoder.layers.0", "decoder.layers.1", "query_positions"]
        {
            let prefix = format!("detr.{part}");
            assert!(found.keys().any(|path| path.starts_with(&prefix)), "no gradient of {part}");
        }
        assert!(found.contains_key("box_head.layers.2.weight") && found.contains_key("class_head.weight"));
        detr = gradients::descend(detr, &gradients, 0.05);
    }
    let (first, last) = (losses[0], losses[6].min(losses[7]));
    assert!(last < 0.9 * first, "{losses:?}");
}

macro_rules! suite {
    ($backend:ident, $open:expr) => {
        mod $backend {
            use super::*;

            fn device() -> Device {
                $open
            }

            #[test]
            fn positions() {
                super::positions(&device());
            }
            #[test]
            fn cross_attention() {
                super::cross_attention(&device());
            }
            #[test]
            fn attention_dropout() {
                super::attention_dropout(&device());
            }
            #[test]
            fn masks() {
                super::masks(&device());
            }
            #[test]
            fn transformers() {
                super::model(&super::transformers(), "transformers", &device());
            }
            #[test]
            fn timm_dc5() {
                super::model(&timm(), "timm", &device());
            }
            #[test]
            fn torch_layers() {
                super::torch_layers(&device());
            }
            #[test]
            fn padding_is_not_seen() {
                super::padding_is_not_seen(&device());
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
    let device = Device::flex();
    let folder = fixture("detr/transformers");
    assert!(DetrDetector::from_pretrained(&folder, &device).is_ok());
    let json = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let (_, report) = Detr::from_source(&json, source("transformers"), &device).unwrap();
    assert_eq!(report.ignored.len(), 8);
    assert!(Detr::from_pretrained(&folder, &device).is_ok());
}

#[test]
fn written_weights_load_again() {
    let device = Device::flex();
    let config = timm();
    let mut writer = WeightWriter::new(Precision::F32);
    writer.add("", &detector(&config, "timm", &device), config.detector_key_map()).unwrap();
    let mut written = WeightSource::from_bytes("written", writer.to_bytes().unwrap()).unwrap();
    let (found, expected): (Vec<_>, Vec<_>) = {
        let original = source("timm");
        let keys = |s: &WeightSource| s.keys().map(str::to_string).collect::<Vec<_>>();
        (keys(&written), keys(&original))
    };
    assert_eq!(found, expected);
    let again =
        load(config.init_detector(&device), &mut written, config.detector_key_map(), Strictness::Exact);
    assert!(again.is_ok());
    // The model alone, as `DetrModel` is published: without the wrapper.
    let detr = detector(&config, "timm", &device).detr().clone();
    let mut writer = WeightWriter::new(Precision::F32);
    writer.add("", &detr, config.key_map()).unwrap();
    let mut written = WeightSource::from_bytes("written", writer.to_bytes().unwrap()).unwrap();
    assert!(load(config.init(&device), &mut written, config.key_map(), Strictness::Exact).is_ok());
}

#[test]
fn bad_input_is_refused() {
    let device = Device::flex();
    let detr = timm().init(&device);
    let images = || Tensor::<4>::zeros([2, 1, 64, 96], &device);
    let mask = |shape: [usize; 3], value: f32| Tensor::<3>::full(shape, value, &device).greater_elem(0.5);
    assert!(detr.encode(images(), Some(mask([2, 64, 96], 1.0))).is_ok());
    for shape in [[2, 3, 64, 96], [0, 1, 64, 96], [2, 1, 0, 96]] {
        let refused = detr.encode(Tensor::zeros(shape, &device), None);
        assert!(matches!(refused, Err(Error::Shape { what: "images", .. })), "{shape:?}");
    }
    for (shape, value) in [([2, 96, 64], 1.0), ([1, 64, 96], 1.0), ([2, 64, 96], 0.0)] {
        let refused = detr.encode(images(), Some(mask(shape, value)));
        assert!(matches!(refused, Err(Error::Shape { what: "the mask of real pixels", .. })), "{shape:?}");
    }
}

#[test]
fn fused_projections_are_split_by_rows() {
    let mut source = WeightSource::open(fixture("detr/torch.safetensors")).unwrap();
    let fused = source.read_f32("encoder.layers.0.self_attn.in_proj_weight").unwrap().unwrap();
    assert!(source.split_rows("in_proj_weight", &["a", "b", "c", "d", "e"]).is_err());
    assert!(source.shape("encoder.layers.0.self_attn.in_proj_weight").is_some());
    source.split_in_proj().unwrap();
    assert_eq!(source.shape("encoder.layers.0.self_attn.k_proj.weight"), Some([16, 16].as_slice()));
    assert_eq!(source.shape("decoder.layers.1.multihead_attn.v_proj.bias"), Some([16].as_slice()));
    assert!(!source.keys().any(|key| key.contains("in_proj")));
    let parts = ["q", "k", "v"].map(|part| {
        source.read_f32(&format!("encoder.layers.0.self_attn.{part}_proj.weight")).unwrap().unwrap()
    });
    assert_eq!(parts.concat(), fused);
}
