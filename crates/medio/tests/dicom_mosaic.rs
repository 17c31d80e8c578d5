//! Mosaics of Siemens scanners, against nibabel.

#![allow(clippy::unwrap_used)]

mod dicom_support;

use dicom_support::fixture;
use medcore::{Affine3, Lps, Point3, Voxel};
use medio::dicom::{self, SplitBy};
use safetensors::SafeTensors;

#[test]
fn each_time_is_a_volume_with_its_slices_in_place() {
    let bytes = std::fs::read(fixture("dicom_mosaic/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let text = std::fs::read_to_string(fixture("dicom_mosaic/expected.json")).unwrap();
    let affines: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(tensors.len(), 4);
    for (case, tensor) in tensors.tensors() {
        let values: Vec<f32> = tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let [times, slices, rows, columns] = *tensor.shape() else { unreachable!() };
        let entry = |r: usize, c: usize| affines[&case][r][c].as_f64().unwrap();
        let affine =
            Affine3::<Voxel, Lps>::from_rows(std::array::from_fn(|r| std::array::from_fn(|c| entry(r, c))));
        let study = dicom::scan(fixture("dicom_mosaic").join(&case)).unwrap();
        assert_eq!(study.len(), times, "{case}");
        for (time, series) in study.iter().enumerate() {
            assert_eq!(series.split()[0].by, SplitBy::AcquisitionNumber);
            let (volume, report) = series.load().unwrap();
            assert!(report.is_clean(), "{case} {report:?}");
            assert_eq!(volume.size(), [slices, rows, columns]);
            for k in 0..slices {
                // Slices ascend along the normal of the images, whichever way the mosaic runs.
                let place = affine.apply(Point3::new(3.0, 2.0, k as f64));
                let [own, _, _] = volume.geometry().index(place).unwrap();
                let found = volume.geometry().position([own, 2, 3]);
                assert!(found.distance(place) < 1e-4, "{case} {k}: {found:?} {place:?}");
                let start = (time * slices + k) * rows * columns;
                let slice: Vec<f32> = volume.slice(own).unwrap().iter().copied().collect();
                assert_eq!(slice, values[start..start + rows * columns], "{case} {time} {k}");
            }
        }
    }
}
