//! Segmentation measures against MONAI, scikit-learn, scipy, SimpleITK and PySODMetrics.
//!
//! `fixtures/eval/segmentation.py` made the golden files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod golden;

use golden::{Arrays, assert_all_close, assert_close, json, number, numbers};
use medcore::{PixelSpacing, Spacing};
use medeval::segmentation::{
    LabelOverlaps, MaskDimension, SurfaceDistances, dice, distance_transform, e_measure, iou,
    mean_absolute_error, s_measure, weighted_f_measure,
};
use ndarray::{ArrayD, Ix2, Ix3};
use serde_json::Value;

const ARRAYS: &str = "segmentation.safetensors";

fn check_masks<D: MaskDimension>(arrays: &Arrays, name: &str, case: &Value, spacing: D::Spacing) {
    let mask = |which: &str| arrays.mask(&format!("{name}.{which}")).into_dimensionality::<D>().unwrap();
    let (predicted, truth) = (mask("predicted"), mask("truth"));
    let close = |found: f64, key: &str, tolerance: f64| {
        assert_close(found, number(&case[key]), tolerance, &format!("{name} {key}"));
    };
    close(dice(predicted.view(), truth.view()).unwrap(), "dice", 1e-12);
    close(iou(predicted.view(), truth.view()).unwrap(), "iou", 1e-12);

    let found = distance_transform(truth.view(), spacing).unwrap().into_dyn();
    let expected: ArrayD<f32> = arrays.floats(&format!("{name}.distance"));
    assert_eq!(found.shape(), expected.shape());
    for (f, e) in found.iter().zip(&expected) {
        assert!((f - e).abs() <= 1e-6 * e.max(1.0), "{name}: distance {f}, expected {e}");
    }

    let surfaces = SurfaceDistances::between(predicted.view(), truth.view(), spacing).unwrap();
    close(surfaces.hausdorff(), "hausdorff", 1e-6);
    close(surfaces.hd95(), "hausdorff_95", 1e-6);
    close(surfaces.hausdorff_percentile(50.0).unwrap(), "hausdorff_50", 1e-6);
    close(surfaces.average(), "average", 1e-6);
    for pair in case["normalised_dice"].as_array().unwrap() {
        let (tolerance, expected) = (number(&pair[0]), number(&pair[1]));
        let found = surfaces.normalised_dice(tolerance).unwrap();
        assert_close(found, expected, 1e-6, &format!("{name} normalised surface Dice at {tolerance}"));
    }
    if !case["itk_hausdorff"].is_null() {
        close(surfaces.hausdorff(), "itk_hausdorff", 1e-5);
    }
}

#[test]
fn overlap_and_surface_distances() {
    let (arrays, expected) = (Arrays::read(ARRAYS), json("segmentation.json"));
    let cases = expected["masks"].as_object().unwrap();
    assert_eq!(cases.len(), 10);
    for (name, case) in cases {
        match *numbers(&case["spacing"]) {
            [row, column] => check_masks::<Ix2>(&arrays, name, case, PixelSpacing { column, row }),
            [slice, row, column] => {
                check_masks::<Ix3>(&arrays, name, case, Spacing::new(column, row, slice));
            }
            _ => panic!("{name}"),
        }
    }
}

#[test]
fn overlap_of_labels() {
    let (arrays, expected) = (Arrays::read(ARRAYS), json("segmentation.json"));
    let labels = |name: &str| arrays.bytes(name).mapv(u16::from);
    let (predicted, truth) = (labels("labels.predicted"), labels("labels.truth"));
    let overlaps = LabelOverlaps::of(predicted.view(), truth.view()).unwrap();
    let expected = &expected["labels"];
    assert_eq!(
        overlaps.labels().iter().map(|l| f64::from(*l)).collect::<Vec<_>>(),
        numbers(&expected["labels"])
    );
    let (dice, iou) = (numbers(&expected["dice"]), numbers(&expected["iou"]));
    for (at, &label) in overlaps.labels().iter().enumerate() {
        assert_close(overlaps.counts(label).dice(), dice[at], 1e-12, "Dice");
        assert_close(overlaps.counts(label).iou(), iou[at], 1e-12, "IoU");
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert_close(overlaps.mean_dice(&overlaps.labels()).unwrap(), mean(&dice), 1e-12, "mean Dice");
    assert_close(overlaps.mean_iou(&overlaps.labels()).unwrap(), mean(&iou), 1e-12, "mean IoU");
}

#[test]
fn foreground_maps() {
    let (arrays, expected) = (Arrays::read(ARRAYS), json("segmentation.json"));
    let cases = expected["maps"].as_object().unwrap();
    assert_eq!(cases.len(), 8);
    for (name, case) in cases {
        let map = arrays.floats(&format!("{name}.map")).into_dimensionality::<Ix2>().unwrap();
        let truth = arrays.mask(&format!("{name}.truth")).into_dimensionality::<Ix2>().unwrap();
        let close = |found: f64, key: &str, tolerance: f64| {
            assert_close(found, number(&case[key]), tolerance, &format!("{name} {key}"));
        };
        close(mean_absolute_error(map.view(), truth.view()).unwrap(), "mae", 1e-12);
        close(s_measure(map.view(), truth.view()).unwrap(), "s", 1e-9);
        let e = e_measure(map.view(), truth.view()).unwrap();
        close(e.adaptive(), "e_adaptive", 1e-9);
        assert_all_close(e.curve(), &numbers(&case["e_curve"]), 1e-9, &format!("{name} E curve"));
        close(weighted_f_measure(map.view(), truth.view()).unwrap(), "weighted_f", 1e-9);
    }
}
