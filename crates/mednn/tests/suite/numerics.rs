//! The same numbers as torch and transformers, on every backend that is compiled in: operation, block, model.
//!
//! The wgpu part runs when the crate is tested with `--features wgpu` on a machine with an adapter (Mesa's software Vulkan is
//! one); all backends are held to the same golden files, so they agree with one another within twice the tolerance.

use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor};
use mednn::bert::BertConfig;
use mednn::layers::{TableInterpolation, interpolate_table};
use mednn::weights::{Strictness, WeightSource, load};
use mednn::{Vit, VitConfig};

use crate::common::{Golden, fixture, relative_difference};

/// Of one operation, relative to the largest value.
const OP: f32 = 1e-6;
/// Of one block or a whole small model, relative to the largest value. f32 with another order of summation.
const MODEL: f32 = 5e-6;

fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32, what: &str) {
    let difference = relative_difference(found, expected);
    assert!(difference <= tolerance, "{what}: {difference:e} above {tolerance:e}");
}

fn position_tables(device: &Device) {
    let mut golden = Golden::open(fixture("vit/ops.safetensors"));
    let table = golden.tensor::<2>("table", device);
    let cases = golden.suffixes("table.");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let (size, kind) = case.split_once('.').unwrap();
        let (rows, columns) = size.split_once('x').unwrap();
        let method = match kind {
            "antialias" => TableInterpolation::BicubicAntialias,
            _ => TableInterpolation::Bicubic,
        };
        let to = [rows.parse().unwrap(), columns.parse().unwrap()];
        let found = interpolate_table(table.clone(), [7, 7], to, method);
        close(found, golden.tensor(&format!("table.{case}"), device), OP, &case);
    }
}

fn exact_gelu(device: &Device) {
    let mut golden = Golden::open(fixture("vit/ops.safetensors"));
    let input = golden.tensor::<1>("gelu.input", device);
    close(gelu(input), golden.tensor("gelu.output", device), OP, "gelu");
}

fn vit(case: &str, sizes: usize, device: &Device) {
    let folder = fixture("vit").join(case);
    let mut golden = Golden::open(folder.join("golden.safetensors"));
    let vit = Vit::from_pretrained(&folder, device).unwrap();
    let found = golden.suffixes("input.");
    assert_eq!(found.len(), sizes);
    for size in found {
        let images = golden.tensor::<4>(&format!("input.{size}"), device);
        let mut expect = |stage: &str| golden.tensor::<3>(&format!("{stage}.{size}"), device);
        let (embeddings, _) = vit.embed(images.clone());
        close(embeddings, expect("embeddings"), MODEL, &format!("{case} {size} embeddings"));
        let block = vit.blocks()[0].forward(expect("embeddings"));
        close(block, expect("block0"), MODEL, &format!("{case} {size} block"));
        let output = vit.encode(images).unwrap();
        close(output.tokens(), expect("output"), MODEL, &format!("{case} {size} output"));
    }
}

fn bert(device: &Device) {
    let folder = fixture("bert");
    let mut golden = Golden::open(folder.join("golden.safetensors"));
    let json = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let config = BertConfig::from_hugging_face(&json).unwrap();
    let mut source = WeightSource::open(folder.join("model.safetensors")).unwrap();
    let (bert, report) = load(config.init(device), &mut source, config.key_map(), Strictness::Exact).unwrap();
    assert_eq!(report.ignored, ["embeddings.word_embeddings.weight"]);

    let input = golden.tensor::<3>("input", device);
    let valid = golden.tensor::<2>("mask", device).greater_elem(0.5);
    close(bert.embeddings().forward(input.clone()), golden.tensor("embeddings", device), MODEL, "embeddings");
    let mask = mednn::layers::key_padding_mask(valid.clone(), config.num_attention_heads);
    let layer = bert.blocks()[0].forward(golden.tensor("embeddings", device), Some(mask));
    let output = bert.forward(input, Some(valid));
    let (layer_golden, output_golden) =
        (golden.tensor::<3>("layer0", device), golden.tensor::<3>("output", device));
    for (row, real) in [7, 4, 1].into_iter().enumerate() {
        let real_part = |x: &Tensor<3>| x.clone().narrow(0, row, 1).narrow(1, 0, real);
        close(real_part(&layer), real_part(&layer_golden), MODEL, "layer");
        close(real_part(&output), real_part(&output_golden), MODEL, "output");
    }
    let long = bert.forward(golden.tensor("input_long", device), None);
    close(long, golden.tensor("output_long", device), MODEL, "long output");
}

/// A position table that is too short is stretched: ends stay ends, and the model runs.
fn bert_beyond_its_table(device: &Device) {
    let bert = BertConfig::new(8, 1, 2, 16).with_max_position_embeddings(4).init(device);
    let output = bert.forward(Tensor::zeros([1, 9, 8], device), None);
    assert_eq!(output.dims(), [1, 9, 8]);
}

/// One registered image size per configuration, so that a changed default is seen.
fn configurations(_: &Device) {
    for (case, registers) in [("dinov2", 0), ("dinov2_swiglu", 0), ("dinov2_registers", 4), ("dino", 0)] {
        let json = std::fs::read_to_string(fixture("vit").join(case).join("config.json")).unwrap();
        let config = VitConfig::from_hugging_face(&json).unwrap();
        assert_eq!((config.hidden_size, config.num_register_tokens), (24, registers), "{case}");
    }
}

macro_rules! suite {
    ($backend:ident, $open:expr) => {
        mod $backend {
            use super::*;

            fn device() -> Device {
                $open
            }

            #[test]
            fn position_tables() {
                super::position_tables(&device());
            }
            #[test]
            fn exact_gelu() {
                super::exact_gelu(&device());
            }
            #[test]
            fn dinov2() {
                super::vit("dinov2", 3, &device());
            }
            #[test]
            fn dinov2_swiglu() {
                super::vit("dinov2_swiglu", 1, &device());
            }
            #[test]
            fn dinov2_registers() {
                super::vit("dinov2_registers", 3, &device());
            }
            #[test]
            fn dino() {
                super::vit("dino", 3, &device());
            }
            #[test]
            fn bert() {
                super::bert(&device());
            }
            #[test]
            fn bert_beyond_its_table() {
                super::bert_beyond_its_table(&device());
            }
            #[test]
            fn configurations() {
                super::configurations(&device());
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
