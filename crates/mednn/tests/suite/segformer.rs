//! SegFormer and its encoder beside transformers, on every backend that is compiled in: operation, block, stage, model.

use burn::tensor::{Device, Tensor};
use mednn::bridge::read_f32;
use mednn::layers::{resize_bilinear, sum_of_resized, tokens_to_map};
use mednn::{Error, Mit, MitConfig, Segformer, SegformerConfig};

use crate::common::{Golden, fixture, relative_difference};

/// Of one operation, relative to the largest value.
const OP: f32 = 1e-6;
/// Of one block or a whole small model, relative to the largest value. f32 with another order of summation.
const MODEL: f32 = 5e-6;

fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32, what: &str) {
    let difference = relative_difference(found, expected);
    assert!(difference <= tolerance, "{what}: {difference:e} above {tolerance:e}");
}

fn resizing(device: &Device) {
    let mut golden = Golden::open(fixture("segformer/ops.safetensors"));
    let map = golden.tensor::<4>("map", device);
    let cases = golden.suffixes("resized.");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (rows, columns) = case.split_once('x').unwrap();
        let to = [rows.parse().unwrap(), columns.parse().unwrap()];
        let expected = golden.tensor::<4>(&format!("resized.{case}"), device);
        close(resize_bilinear(map.clone(), to), expected.clone(), OP, &case);
        // The same through the sum, with the map in two parts, one of which goes through another size exactly.
        let part = map.clone().permute([0, 2, 3, 1]) * 0.5;
        let summed = sum_of_resized(vec![part.clone(), part], to).permute([0, 3, 1, 2]);
        close(summed, expected, OP, &format!("{case}, summed"));
    }
}

fn encoder(device: &Device) {
    let mut golden = Golden::open(fixture("segformer/golden.safetensors"));
    let encoder = Mit::from_pretrained(fixture("segformer"), device).unwrap();
    let sizes = golden.suffixes("input.");
    assert_eq!(sizes.len(), 5);
    for size in sizes {
        let images = golden.tensor::<4>(&format!("input.{size}"), device);
        let mut expect = |what: &str| golden.tensor::<3>(&format!("{what}.{size}"), device);
        let (stage, what) = (&encoder.stages()[0], |part: &str| format!("{part} of {size}"));
        let (embedded, grid) = stage.patch_embed().forward(images.clone());
        close(embedded, expect("embedded"), MODEL, &what("embedding"));
        let block = &stage.blocks()[0];
        let tokens = expect("embedded") * 5.0;
        let attended = block.attention().forward(tokens.clone(), grid);
        close(attended, expect("attention"), MODEL, &what("attention"));
        let reduced = block.attention().reduction().unwrap().forward(tokens.clone(), grid);
        close(reduced, expect("reduced"), MODEL, &what("reduction"));
        close(block.mlp().forward(tokens, grid), expect("mlp"), MODEL, &what("Mix-FFN"));
        close(block.forward(expect("embedded"), grid), expect("block"), MODEL, &what("block"));

        let mut expect = |i: usize| golden.tensor::<4>(&format!("stage{i}.{size}"), device);
        let output = encoder.encode(images.clone()).unwrap();
        let mut before = images;
        for (i, stage) in encoder.stages().iter().enumerate() {
            close(stage.forward(before), expect(i), MODEL, &what("stage alone"));
            close(output.maps()[i].clone(), expect(i), MODEL, &what("map"));
            before = expect(i);
        }
        close(output.last(), expect(3), MODEL, &what("last map"));
    }
}

fn segmentation(device: &Device) {
    let mut golden = Golden::open(fixture("segformer/golden.safetensors"));
    let model = Segformer::from_pretrained(fixture("segformer"), device).unwrap();
    for size in golden.suffixes("input.") {
        let images = golden.tensor::<4>(&format!("input.{size}"), device);
        let output = model.segment(images.clone()).unwrap();
        let expected = golden.tensor::<4>(&format!("logits.{size}"), device);
        close(output.logits(), expected.clone(), MODEL, &format!("logits of {size}"));
        close(model.forward(images.clone()), expected, MODEL, &format!("forward of {size}"));
        assert_eq!(output.size(), [images.dims()[2], images.dims()[3]]);
    }
    let upsampled = golden.suffixes("upsampled.");
    assert_eq!(upsampled.len(), 3);
    for size in upsampled {
        let output = model.segment(golden.tensor::<4>(&format!("input.{size}"), device)).unwrap();
        let expected = golden.tensor::<4>(&format!("upsampled.{size}"), device);
        close(output.logits_at_input(), expected.clone(), MODEL, &format!("upsampled logits of {size}"));
        let (found, expected) = (output.labels(), expected.argmax(1).squeeze_dim::<3>(1));
        assert_eq!(read_f32(found.float()).unwrap(), read_f32(expected.float()).unwrap(), "labels of {size}");
    }
}

/// The parts called one by one, with something added to the tokens of each block, are the model when that is zero.
fn hooks(device: &Device) {
    let encoder = Mit::from_pretrained(fixture("segformer"), device).unwrap();
    let images = Golden::open(fixture("segformer/golden.safetensors")).tensor::<4>("input.45x61", device);
    let prompted = |strength: f32| {
        encoder.stages().iter().fold(images.clone(), |map, stage| {
            let (embedded, grid) = stage.patch_embed().forward(map);
            let prompt = embedded.clone() * strength;
            let add = |tokens: Tensor<3>| tokens + prompt.clone();
            let tokens = stage.blocks().iter().fold(embedded.clone(), |x, block| block.forward(add(x), grid));
            tokens_to_map(stage.norm().forward(tokens), grid)
        })
    };
    let expected = encoder.forward(images.clone()).last();
    // A GPU may tune itself between the two to kernels that sum in another order.
    close(prompted(0.0), expected.clone(), MODEL, "without prompts");
    assert!(relative_difference(prompted(0.5), expected) > 1e-3, "prompts are seen");
}

/// Sides from the smallest that the model takes; those below are refused.
fn sizes(device: &Device) {
    let model = Segformer::from_pretrained(fixture("segformer"), device).unwrap();
    assert_eq!(model.encoder().min_side(), 29);
    for (height, width) in [(29, 61), (30, 29), (31, 33), (64, 97)] {
        let output = model.segment(Tensor::zeros([2, 3, height, width], device)).unwrap();
        let [rows, columns] = [height, width].map(|side: usize| side.div_ceil(4));
        assert_eq!(output.logits().dims(), [2, 3, rows, columns]);
        assert_eq!(output.labels_at([5, 9]).dims(), [2, 5, 9]);
    }
    for shape in [[1, 1, 64, 64], [1, 3, 28, 64], [1, 3, 64, 28]] {
        let error = model.segment(Tensor::zeros(shape, device)).unwrap_err();
        assert!(matches!(&error, Error::Shape { found, .. } if *found == shape), "{error}");
        assert!(model.encoder().encode(Tensor::zeros(shape, device)).is_err());
    }
}

#[test]
fn empty_batches_are_refused() {
    let device = Device::flex();
    let model = Segformer::from_pretrained(fixture("segformer"), &device).unwrap();
    for shape in [[0, 3, 64, 64], [1, 3, 0, 0]] {
        let error = model.segment(Tensor::zeros(shape, &device)).unwrap_err();
        assert!(matches!(&error, Error::Shape { found, .. } if *found == shape), "{error}");
    }
}

/// Beside transformers' `SegformerModel` and `SegformerForSemanticSegmentation`.
#[test]
fn published_models_have_their_numbers_of_parameters() {
    let device = Device::flex();
    let encoders = [
        (MitConfig::b0(), 3_319_392),
        (MitConfig::b1(), 13_151_424),
        (MitConfig::b2(), 24_196_288),
        (MitConfig::b3(), 44_072_128),
        (MitConfig::b4(), 60_842_688),
        (MitConfig::b5(), 81_443_008),
    ];
    for (config, expected) in encoders {
        assert_eq!(burn::module::Module::num_params(&config.init(&device)), expected, "{config:?}");
    }
    // Of transformers with 150 classes; the running statistics of the batch norm are counted here.
    let models = [
        (SegformerConfig::b0(150), 3_752_694 + 2 * 256),
        (SegformerConfig::b1(150), 13_715_798 + 2 * 256),
        (SegformerConfig::b2(150), 27_461_974 + 2 * 768),
        (SegformerConfig::b3(150), 47_337_814 + 2 * 768),
        (SegformerConfig::b4(150), 64_108_374 + 2 * 768),
        (SegformerConfig::b5(150), 84_708_694 + 2 * 768),
    ];
    for (config, expected) in models {
        assert_eq!(burn::module::Module::num_params(&config.init(&device)), expected, "{config:?}");
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
            fn resizing() {
                super::resizing(&device());
            }
            #[test]
            fn encoder() {
                super::encoder(&device());
            }
            #[test]
            fn segmentation() {
                super::segmentation(&device());
            }
            #[test]
            fn hooks() {
                super::hooks(&device());
            }
            #[test]
            fn sizes() {
                super::sizes(&device());
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
