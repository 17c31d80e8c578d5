//! Golden files of `fixtures/eval`.

#![allow(dead_code, reason = "each test uses a part")]

use ndarray::{Array2, ArrayD};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../fixtures/eval/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

pub(crate) fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| usize::try_from(v.as_u64().unwrap()).unwrap()).collect()
}

pub(crate) fn flags(value: &Value) -> Vec<bool> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() == 1).collect()
}

pub(crate) fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    let columns = rows.first().map_or(0, Vec::len);
    Array2::from_shape_vec((rows.len(), columns), rows.concat()).unwrap()
}

pub(crate) fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let fine = found == expected || (found - expected).abs() <= tolerance * expected.abs().max(1.0);
    assert!(fine, "{what}: {found}, expected {expected}");
}

pub(crate) fn assert_all_close<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    expected: &[f64],
    tolerance: f64,
    what: &str,
) {
    let found: Vec<f64> = found.into_iter().copied().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_close(*found, *expected, tolerance, &format!("{what} at {index}"));
    }
}

pub(crate) struct Arrays(Vec<u8>);

impl Arrays {
    pub(crate) fn read(name: &str) -> Self {
        Self(bytes(name))
    }

    pub(crate) fn bytes(&self, name: &str) -> ArrayD<u8> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::U8);
        ArrayD::from_shape_vec(tensor.shape(), tensor.data().to_vec()).unwrap()
    }

    pub(crate) fn mask(&self, name: &str) -> ArrayD<bool> {
        self.bytes(name).mapv(|v| v != 0)
    }

    pub(crate) fn floats(&self, name: &str) -> ArrayD<f32> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32);
        let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        ArrayD::from_shape_vec(tensor.shape(), values.collect()).unwrap()
    }
}
