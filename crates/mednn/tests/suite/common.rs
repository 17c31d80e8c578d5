//! Golden files and comparisons shared by the tests.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::weights::WeightSource;

/// Of one operation, relative to the largest value.
pub(crate) const OP: f32 = 1e-6;
/// Of one block or a whole small model, relative to the largest value. f32 with another order of summation.
pub(crate) const MODEL: f32 = 5e-6;

pub(crate) fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32, what: &str) {
    let difference = relative_difference(found, expected);
    assert!(difference <= tolerance, "{what}: {difference:e} above {tolerance:e}");
}

/// A folder of the workspace's `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

/// Tensors that a reference implementation wrote.
pub(crate) struct Golden(WeightSource);

impl Golden {
    pub(crate) fn open(path: PathBuf) -> Self {
        Self(WeightSource::open(path).unwrap())
    }

    pub(crate) fn tensor<const D: usize>(&mut self, key: &str, device: &Device) -> Tensor<D> {
        let shape = self.0.shape(key).unwrap_or_else(|| panic!("no golden {key}")).to_vec();
        let values = self.0.read_f32(key).unwrap().unwrap();
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

/// Largest difference, relative to the largest expected magnitude.
pub(crate) fn relative_difference<const D: usize>(found: Tensor<D>, expected: Tensor<D>) -> f32 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (read_f32(found).unwrap(), read_f32(expected).unwrap());
    let scale = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let difference = found.iter().zip(&expected).fold(0f32, |m, (a, b)| {
        let d = (a - b).abs();
        if d.is_nan() { f32::INFINITY } else { m.max(d) }
    });
    difference / scale
}
