//! The weights of `fixtures/slice-ct-tiny` say what transformers says of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::weights::WeightSource;
use medslice::{SliceEncoder, SliceSequenceEncoder};

fn golden<const D: usize>(source: &mut WeightSource, key: &str, device: &Device) -> Tensor<D> {
    let shape = source.shape(key).unwrap().to_vec();
    Tensor::from_data(TensorData::new(source.read_f32(key).unwrap().unwrap(), shape), device)
}

fn relative_difference<const D: usize>(found: Tensor<D>, expected: Tensor<D>) -> f32 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (read_f32(found).unwrap(), read_f32(expected).unwrap());
    let scale = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    found.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs())) / scale
}

#[test]
fn the_shipped_encoder_agrees_with_transformers() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/slice-ct-tiny");
    let device = Device::flex();
    let encoder = SliceSequenceEncoder::from_pretrained(&folder, &device).unwrap();
    let mut source = WeightSource::open(folder.join("golden.safetensors")).unwrap();

    let tokens = golden::<3>(&mut source, "tokens", &device);
    let count = tokens.dims()[1];
    let found = encoder.model().slices().forward_slices(golden(&mut source, "images", &device));
    assert_eq!(found.grid, [5, 8]);
    let cls = found.cls.unsqueeze_dim::<3>(1);
    assert!(relative_difference(cls, tokens.clone().narrow(1, 0, 1)) < 1e-5);
    assert!(relative_difference(found.patches, tokens.narrow(1, 1, count - 1)) < 1e-5);

    let features = golden::<3>(&mut source, "features", &device);
    let slices = encoder.model().forward_sequence(features, None);
    assert!(relative_difference(slices, golden(&mut source, "slices", &device)) < 1e-5);
}
