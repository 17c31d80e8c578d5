//! Against scikit-image's `slic`, on small images with known objects.
//!
//! `fixtures/superpixel/make.py` made the files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use medcore::Spacing;
use medsuperpixel::{Quality, Slic, Superpixels};
use ndarray::{Array3, Array4};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    size: [usize; 3],
    channels: usize,
    spacing: [f64; 3],
    compactness: f64,
    #[serde(default)]
    mask: bool,
    regions: usize,
    tolerance: usize,
    boundary_recall: f64,
    undersegmentation_error: f64,
    achievable_accuracy: f64,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/superpixel"))
}

fn bytes(name: &str, part: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.{part}.bin"))).unwrap()
}

fn cases() -> BTreeMap<String, Case> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    serde_json::from_str::<Cases>(&text).unwrap().cases
}

impl Case {
    fn spacing(&self) -> Spacing {
        let [slice, row, column] = self.spacing;
        Spacing::new(column, row, slice)
    }

    fn truth(&self, name: &str) -> Array3<u32> {
        let truth = bytes(name, "truth").into_iter().map(u32::from).collect();
        Array3::from_shape_vec(self.size, truth).unwrap()
    }
}

#[test]
fn quality_is_what_numpy_computes() {
    for (name, case) in cases() {
        let labels = bytes(&name, "skimage")
            .chunks_exact(2)
            .map(|b| u32::from(u16::from_le_bytes([b[0], b[1]])))
            .collect();
        let labels = Array3::from_shape_vec(case.size, labels).unwrap();
        let superpixels = Superpixels::from_labels(labels, case.spacing()).unwrap();
        assert_eq!(superpixels.count(), case.regions, "{name}");
        let found = Quality::of(&superpixels, case.truth(&name).view(), case.tolerance).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{name}: {a}, expected {b}");
        close(found.boundary_recall, case.boundary_recall);
        close(found.undersegmentation_error, case.undersegmentation_error);
        close(found.achievable_accuracy, case.achievable_accuracy);
    }
}

/// With no more regions than scikit-image's, regions keep to the objects no worse.
#[test]
fn objects_are_kept_no_worse_than_by_scikit_image() {
    for (name, case) in cases() {
        let [slices, rows, columns] = case.size;
        let pixels =
            Array4::from_shape_vec([case.channels, slices, rows, columns], bytes(&name, "image")).unwrap();
        let mask = case.mask.then(|| {
            let mask = bytes(&name, "mask").into_iter().map(|m| m != 0).collect();
            Array3::from_shape_vec(case.size, mask).unwrap()
        });
        // The largest number of segments that gives no more regions.
        let mask_view = || mask.as_ref().map(|m| m.view());
        let superpixels = (case.regions..case.regions * 5 / 4)
            .map(|n| Slic::new(n).compactness(case.compactness))
            .map(|slic| slic.channels(pixels.view(), case.spacing(), mask_view()).unwrap())
            .take_while(|found| found.count() <= case.regions)
            .last()
            .unwrap();
        let found = Quality::of(&superpixels, case.truth(&name).view(), case.tolerance).unwrap();
        println!(
            "{name}: {found:?}, {} regions; scikit-image {} {} {} {}",
            superpixels.count(),
            case.boundary_recall,
            case.undersegmentation_error,
            case.achievable_accuracy,
            case.regions
        );
        assert!(found.undersegmentation_error <= case.undersegmentation_error, "{name}");
        assert!(found.achievable_accuracy >= case.achievable_accuracy, "{name}");
        assert!(found.boundary_recall >= case.boundary_recall - 0.03, "{name}");
        if let Some(mask) = mask {
            assert!(superpixels.labels().iter().zip(&mask).all(|(label, m)| (*label > 0) == *m), "{name}");
        }
    }
}
