//! The same numbers as torch and transformers, on every backend that is compiled in: operation, block, model.
//!
//! The wgpu part runs when the crate is tested with `--features wgpu` on a machine with an adapter (Mesa's software Vulkan is
//! one); all backends are held to the same golden files, so they agree with one another within twice the tolerance.

use ::ndarray::Array3;
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor};
use medcore::{Geometry, Image, Point3, Spacing, Volume};
use mednn::bert::BertConfig;
use mednn::bridge::{array_to_tensor, image_to_tensor, read_f32, tensor_to_array, volume_to_tensor};
use mednn::layers::{TableInterpolation, interpolate_table};
use mednn::weights::{Strictness, WeightSource, load};
use mednn::{Vit, VitConfig};

use crate::common::{Golden, MODEL, OP, close, fixture, relative_difference};

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

/// A position table that is too short is stretched: the ends stay the ends, and the middle lies between its neighbours.
fn bert_beyond_its_table(device: &Device) {
    let bert =
        BertConfig::new(8, 1, 2, 16).with_max_position_embeddings(2).with_layer_norm_eps(0.5).init(device);
    assert_eq!(bert.forward(Tensor::zeros([1, 9, 8], device), None).dims(), [1, 9, 8]);
    // Without input, what enters the first block is the layer norm of the positions alone.
    let short = bert.embeddings().forward(Tensor::zeros([1, 2, 8], device));
    let long = bert.embeddings().forward(Tensor::zeros([1, 9, 8], device));
    close(long.clone().narrow(1, 0, 1), short.clone().narrow(1, 0, 1), OP, "first position");
    close(long.clone().narrow(1, 8, 1), short.narrow(1, 1, 1), OP, "last position");
    let differs = relative_difference(long.clone().narrow(1, 4, 1), long.narrow(1, 0, 1));
    assert!(differs > 1e-2, "the middle is not the first: {differs}");
}

/// Arrays to tensors and back, in the order of their axes.
fn bridges(device: &Device) {
    let geometry = Geometry::axial([2, 3, 4], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
    let volume = Volume::from_vec((0i16..24).collect(), geometry).unwrap();
    let tensor = volume_to_tensor(&volume, device);
    assert_eq!(tensor.dims(), [2, 3, 4]);
    assert_eq!(read_f32(tensor.slice([1..2, 2..3, 1..4])).unwrap(), [21.0, 22.0, 23.0]);

    let pixels = Array3::from_shape_fn([3, 2, 5], |(c, r, x)| (100 * c + 10 * r + x) as f32);
    let image = Image::new(pixels.clone()).unwrap();
    let tensor = image_to_tensor(&image, device);
    assert_eq!(tensor_to_array(tensor.clone()).unwrap(), pixels.clone().into_dyn());
    assert_eq!(read_f32(tensor.slice([2..3, 1..2, 4..5])).unwrap(), [214.0]);
    let transposed = pixels.reversed_axes();
    assert_eq!(tensor_to_array(array_to_tensor::<3, _>(&transposed, device)).unwrap(), transposed.into_dyn());
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
            fn bridges() {
                super::bridges(&device());
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
