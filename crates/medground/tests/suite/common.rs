//! Golden files and comparisons shared by the tests.

use std::path::PathBuf;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mednn::bridge::read_f32;
use mednn::weights::WeightSource;

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// Tensors that a reference implementation wrote.
pub(crate) struct Golden(WeightSource);

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        Self(WeightSource::open(fixture("medground").join(name)).unwrap())
    }

    pub(crate) fn tensor<const D: usize>(&mut self, key: &str, device: &Device) -> Tensor<D> {
        let shape = self.0.shape(key).unwrap_or_else(|| panic!("no golden {key}")).to_vec();
        Tensor::from_data(TensorData::new(self.values(key), shape), device)
    }

    pub(crate) fn mask<const D: usize>(&mut self, key: &str, device: &Device) -> Tensor<D, Bool> {
        self.tensor::<D>(key, device).greater_elem(0.5)
    }

    pub(crate) fn ids(&mut self, key: &str, device: &Device) -> Tensor<2, Int> {
        self.tensor::<2>(key, device).int()
    }

    pub(crate) fn values(&mut self, key: &str) -> Vec<f32> {
        self.0.read_f32(key).unwrap().unwrap_or_else(|| panic!("no golden {key}"))
    }
}

/// Largest difference is at most `tolerance` of the largest expected magnitude.
pub(crate) fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (read_f32(found).unwrap(), read_f32(expected).unwrap());
    let scale = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let worst = found.iter().zip(&expected).fold(0f32, |m, (a, b)| {
        let d = (a - b).abs();
        if d.is_nan() { f32::INFINITY } else { m.max(d) }
    });
    assert!(worst <= tolerance * scale, "{what}: {:e} above {tolerance:e}", worst / scale);
}
