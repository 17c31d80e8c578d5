//! The fixtures of `fixtures/dicom` and what other readers make of them.

// Each test binary uses its own part of this.
#![allow(dead_code)]
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use medcore::{Point3, Volume};
use medio::dicom::{self, LoadOptions, Report, Series, Study};
use safetensors::SafeTensors;

/// A file or folder under `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures")).join(path)
}

pub(crate) fn scan(case: &str) -> Study {
    dicom::scan(fixture("dicom").join(case)).unwrap()
}

/// The only volume of a case.
pub(crate) fn only(case: &str) -> Series {
    let study = scan(case);
    assert_eq!(study.len(), 1, "{study:?}");
    study[0].clone()
}

pub(crate) fn load(case: &str) -> (Volume<f32>, Report) {
    only(case).load().unwrap()
}

pub(crate) fn load_with(case: &str, options: &LoadOptions) -> medio::Result<(Volume<f32>, Report)> {
    only(case).load_with(options)
}

/// The values `[slice, row, column]` of a case, as pydicom reads them.
pub(crate) fn expected_values(case: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(fixture("dicom/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(case).unwrap();
    let values = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (tensor.shape().to_vec(), values)
}

/// The affine of a case, voxel to LPS, as rows.
pub(crate) fn expected_affine(case: &str) -> [[f64; 4]; 4] {
    let text = std::fs::read_to_string(fixture("dicom/expected.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    std::array::from_fn(|r| std::array::from_fn(|c| json[case][r][c].as_f64().unwrap()))
}

/// Every voxel of the volume within `tolerance` of the expected value, and its eight corners where they should be.
pub(crate) fn assert_expected(case: &str, volume: &Volume<f32>, tolerance: f32) {
    assert_values(case, volume, tolerance);
    let affine = medcore::Affine3::<medcore::Voxel, medcore::Lps>::from_rows(expected_affine(case));
    for corner in 0..8 {
        let index: [usize; 3] =
            std::array::from_fn(|axis| if corner >> axis & 1 == 0 { 0 } else { volume.size()[axis] - 1 });
        let expected = affine.apply(Point3::new(index[2] as f64, index[1] as f64, index[0] as f64));
        let found = volume.geometry().position(index);
        assert!(found.distance(expected) < 1e-6, "{case} {index:?}: expected {expected:?}, found {found:?}");
    }
}

pub(crate) fn assert_values(case: &str, volume: &Volume<f32>, tolerance: f32) {
    let (shape, values) = expected_values(case);
    assert_eq!(volume.size().to_vec(), shape, "{case}");
    for (index, (found, expected)) in volume.as_slice().iter().zip(&values).enumerate() {
        assert!((found - expected).abs() <= tolerance, "{case} {index}: expected {expected}, found {found}");
    }
}
