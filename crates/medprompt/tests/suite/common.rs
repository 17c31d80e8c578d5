//! Golden files, comparisons and small models shared by the tests.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::vit::VitFamily;
use mednn::weights::WeightSource;
use mednn::{MitConfig, VitConfig};
use medprompt::{Adaptation, BackboneConfig, SegmentationConfig, SegmentationModel};

/// A file or folder of the workspace's `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

pub(crate) fn device() -> Device {
    mednn::Backend::Flex.open().unwrap().device().clone()
}

/// Tensors that a reference implementation wrote.
pub(crate) struct Golden(WeightSource);

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        Self(WeightSource::open(fixture(&format!("medprompt/{name}.safetensors"))).unwrap())
    }

    pub(crate) fn tensor<const D: usize>(&mut self, key: &str, device: &Device) -> Tensor<D> {
        let shape = self.0.shape(key).unwrap_or_else(|| panic!("no golden {key}")).to_vec();
        let values = self.values(key);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    pub(crate) fn values(&mut self, key: &str) -> Vec<f32> {
        self.0.read_f32(key).unwrap().unwrap_or_else(|| panic!("no golden {key}"))
    }

    /// Keys that begin with `prefix`, without it.
    pub(crate) fn suffixes(&self, prefix: &str) -> Vec<String> {
        self.0.keys().filter_map(|k| k.strip_prefix(prefix)).map(str::to_string).collect()
    }
}

/// Fails when the largest difference, relative to the largest expected magnitude, is above `tolerance`.
pub(crate) fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (read_f32(found).unwrap(), read_f32(expected).unwrap());
    let scale = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let difference = found.iter().zip(&expected).fold(0f32, |m, (a, b)| {
        let d = (a - b).abs();
        if d.is_nan() { f32::INFINITY } else { m.max(d) }
    });
    assert!(difference <= tolerance * scale, "{what}: {:e} above {tolerance:e}", difference / scale);
}

pub(crate) fn tiny_mit() -> MitConfig {
    MitConfig::new([8, 8, 12, 16], [1, 1, 2, 1])
        .with_num_attention_heads([1, 2, 3, 4])
        .with_mlp_ratios([2, 2, 2, 2])
}

pub(crate) fn tiny_vit() -> VitConfig {
    VitConfig::new(VitFamily::Dinov2, 16, 4, 2, 32, 32, 8)
}

pub(crate) fn config(backbone: BackboneConfig, adaptation: Adaptation, classes: usize) -> SegmentationConfig {
    SegmentationConfig::new(backbone, adaptation, classes).with_decoder_width(8).with_dropout(0.0)
}

pub(crate) fn model(config: &SegmentationConfig, device: &Device) -> SegmentationModel {
    device.seed(3);
    config.init(config.backbone.init(device), device).unwrap()
}

/// Colour images of smooth blobs with some texture, from 0 to 1.
pub(crate) fn images(batch: usize, side: usize, device: &Device) -> Tensor<4> {
    let mut values = Vec::new();
    for n in 0..batch {
        for channel in 0..3 {
            for (r, c) in (0..side).flat_map(|r| (0..side).map(move |c| (r, c))) {
                let blob = (r as f32 * 0.21 + n as f32).sin() * (c as f32 * 0.17 - n as f32).cos();
                let texture = ((r * 31 + c * 17 + channel * 7 + n * 3) % 11) as f32 / 11.0;
                values.push((0.5 + 0.35 * blob + 0.1 * texture).clamp(0.0, 1.0));
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [batch, 3, side, side]), device)
}
