//! Detection measures against scipy, torchvision, pycocotools and ensemble-boxes.
//!
//! `fixtures/eval/detection.py` made the golden file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod golden;

use golden::{assert_all_close, assert_close, indices, json, matrix, number, numbers};
use medcore::{Box3, Lps, PixelBox, Point3};
use medeval::Error;
use medeval::detection::{
    BoundingBox, DetectionCurve, FusionOptions, ImageBoxes, ScoredBox, accuracy_at_iou,
    coco_average_precision, giou_matrix, iou_matrix, linear_assignment, match_boxes, mean_iou,
    non_maximum_suppression, paired_iou, set_f1, weighted_box_fusion,
};
use serde_json::Value;

fn pixel_box(corners: &[f64]) -> PixelBox {
    PixelBox::new(corners[0], corners[1], corners[2], corners[3]).unwrap()
}

fn box3(c: &[f64]) -> Box3<Lps> {
    Box3::new(Point3::new(c[0], c[1], c[2]), Point3::new(c[3], c[4], c[5])).unwrap()
}

/// A box of depth 2 over a pixel box.
fn extruded(corners: &[f64]) -> Box3<Lps> {
    box3(&[corners[0], corners[1], -1.0, corners[2], corners[3], 1.0])
}

fn boxes<B>(value: &Value, make: impl Fn(&[f64]) -> B) -> Vec<B> {
    value.as_array().unwrap().iter().map(|b| make(&numbers(b))).collect()
}

fn scored<B>(value: &Value, scores: &Value, make: impl Fn(&[f64]) -> B) -> Vec<ScoredBox<B>> {
    boxes(value, make).into_iter().zip(numbers(scores)).map(|(b, s)| ScoredBox::new(b, s)).collect()
}

#[test]
fn assignments_are_those_of_scipy() {
    let expected = json("detection.json");
    let cases = expected["assignments"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let cost = matrix(&case["cost"]);
        let pairs = linear_assignment(cost.view()).unwrap();
        let total: f64 = pairs.iter().map(|at| cost[*at]).sum();
        assert_close(total, number(&case["total"]), 1e-12, "total cost");
        let expected: Vec<_> = indices(&case["rows"]).into_iter().zip(indices(&case["columns"])).collect();
        assert_eq!(pairs.len(), expected.len());
        if case["unique"].as_bool().unwrap() {
            assert_eq!(pairs, expected);
        }
    }
    assert_eq!(linear_assignment(ndarray::Array2::zeros((0, 3)).view()).unwrap(), []);
    let infinite = ndarray::array![[0.0, f64::INFINITY]];
    assert!(matches!(linear_assignment(infinite.view()), Err(Error::NotFinite { index: 1, .. })));
    let huge = ndarray::array![[1e308, -1e308], [-1e308, 1e308]];
    assert_eq!(linear_assignment(huge.view()).unwrap(), [(0, 1), (1, 0)]);
}

#[test]
fn iou_and_giou_are_those_of_torchvision() {
    let expected = &json("detection.json")["iou"];
    let (iou, giou) = (matrix(&expected["iou"]), matrix(&expected["giou"]));
    let (a, b) = (boxes(&expected["a"], pixel_box), boxes(&expected["b"], pixel_box));
    assert_all_close(&iou_matrix(&a, &b), iou.as_slice().unwrap(), 1e-12, "IoU");
    assert_all_close(&giou_matrix(&a, &b), giou.as_slice().unwrap(), 1e-12, "GIoU");
    // Boxes of one depth have the ratios of their faces.
    let (a, b) = (boxes(&expected["a"], extruded), boxes(&expected["b"], extruded));
    assert_all_close(&iou_matrix(&a, &b), iou.as_slice().unwrap(), 1e-12, "IoU in 3D");
    assert_all_close(&giou_matrix(&a, &b), giou.as_slice().unwrap(), 1e-12, "GIoU in 3D");
}

#[test]
fn suppression_is_that_of_torchvision() {
    let expected = &json("detection.json")["nms"];
    let found = scored(&expected["boxes"], &expected["scores"], pixel_box);
    let cases = expected["kept"].as_object().unwrap();
    assert_eq!(cases.len(), 4);
    for (threshold, kept) in cases {
        let found = non_maximum_suppression(&found, threshold.parse().unwrap()).unwrap();
        assert_eq!(found, indices(kept), "{threshold}");
    }
}

fn check_fusion<B: BoundingBox>(
    case: &Value,
    make: impl Fn(&[f64]) -> B + Copy,
    corners: impl Fn(&B) -> Vec<f64>,
) {
    let (models, scores) = (case["models"].as_array().unwrap(), case["scores"].as_array().unwrap());
    let models: Vec<_> = models.iter().zip(scores).map(|(m, s)| scored(m, s, make)).collect();
    let options = FusionOptions {
        iou_threshold: number(&case["iou_threshold"]),
        least_score: number(&case["least_score"]),
    };
    let fused = weighted_box_fusion(&models, &numbers(&case["weights"]), options).unwrap();
    let all: usize = models.iter().map(Vec::len).sum();
    assert!(fused.len() < all);
    // The package keeps its boxes in single precision.
    assert_all_close(fused.iter().map(|b| &b.score), &numbers(&case["fused_scores"]), 1e-5, "fused scores");
    for (found, expected) in fused.iter().zip(case["fused"].as_array().unwrap()) {
        assert_all_close(&corners(&found.bounds), &numbers(expected), 1e-5, "fused box");
    }
}

#[test]
fn fusion_is_that_of_ensemble_boxes() {
    let expected = json("detection.json");
    let cases = expected["fusion"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    check_fusion(&cases[0], pixel_box, |b| b.xyxy().to_vec());
    check_fusion(&cases[1], pixel_box, |b| b.xyxy().to_vec());
    check_fusion(&cases[2], box3, |b| [b.min().coords(), b.max().coords()].concat());
}

#[test]
fn average_precision_is_that_of_pycocotools() {
    let expected = &json("detection.json")["coco"];
    let image = |image: &Value| ImageBoxes {
        predicted: scored(&image["predicted"], &image["scores"], pixel_box),
        truth: boxes(&image["truth"], pixel_box),
    };
    let images: Vec<_> = expected["images"].as_array().unwrap().iter().map(image).collect();
    let (precision, recall) = (numbers(&expected["average_precision"]), numbers(&expected["recall"]));
    assert_eq!(precision.len(), 10);
    for (step, (precision, recall)) in precision.iter().zip(&recall).enumerate() {
        let threshold = 0.5 + 0.05 * step as f64;
        let curve = DetectionCurve::of(&images, threshold).unwrap();
        assert_close(curve.average_precision_101(), *precision, 1e-12, &format!("AP@{threshold}"));
        assert_close(*curve.recall().last().unwrap(), *recall, 1e-12, &format!("recall@{threshold}"));
    }
    let coco = coco_average_precision(&images).unwrap();
    assert_close(coco, number(&expected["coco"]), 1e-12, "AP");
    let nothing = [ImageBoxes::<PixelBox> { predicted: Vec::new(), truth: Vec::new() }];
    assert!(matches!(DetectionCurve::of(&nothing, 0.5), Err(Error::Undefined { .. })));
}

#[test]
fn average_precision_over_all_points_by_hand() {
    let place = |x: f64| pixel_box(&[x, 0.0, x + 1.0, 1.0]);
    // Right, wrong, right: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
    let images = [ImageBoxes {
        predicted: vec![
            ScoredBox::new(place(0.0), 0.9),
            ScoredBox::new(place(50.0), 0.8),
            ScoredBox::new(place(10.0), 0.7),
        ],
        truth: vec![place(0.0), place(10.0)],
    }];
    let curve = DetectionCurve::of(&images, 1.0).unwrap();
    assert_close(curve.average_precision(), 0.5 + 0.5 * 2.0 / 3.0, 1e-15, "AP");
}

#[test]
fn matching_takes_as_many_pairs_as_possible() {
    let place = |x: f64| pixel_box(&[x, 0.0, x + 10.0, 10.0]);
    // The first predicted box overlaps both true ones, the second only the first, and better than anything.
    let (predicted, truth) = ([place(4.0), place(0.0)], [place(1.0), place(8.0)]);
    let matching = match_boxes(&predicted, &truth, 0.3).unwrap();
    let pairs: Vec<_> = matching.pairs.iter().map(|p| (p.predicted, p.truth)).collect();
    assert_eq!(pairs, [(0, 1), (1, 0)]);
    assert_eq!(set_f1(&predicted, &truth, 0.3).unwrap(), 1.0);
    // At a higher threshold only one pair is left.
    assert_eq!(set_f1(&predicted, &truth, 0.5).unwrap(), 0.5);
    assert_eq!(set_f1(&predicted, &[], 0.5).unwrap(), 0.0);
    assert_eq!(set_f1(&[], &truth, 0.5).unwrap(), 0.0);
    assert_eq!(match_boxes(&predicted[..1], &[place(90.0)], 0.0).unwrap().pairs, []);
    assert!(matches!(set_f1(&predicted, &truth, 1.5), Err(Error::OutOfRange { .. })));
}

#[test]
fn one_box_for_each_phrase() {
    let place = |x: f64| pixel_box(&[x, 0.0, x + 4.0, 1.0]);
    let predicted = [Some(place(0.0)), Some(place(2.0)), None];
    let ious = paired_iou(&predicted, &[place(0.0); 3]).unwrap();
    assert_eq!(ious, [1.0, 1.0 / 3.0, 0.0]);
    assert_eq!(mean_iou(&ious).unwrap(), 4.0 / 9.0);
    assert_eq!(accuracy_at_iou(&ious, 0.5).unwrap(), 1.0 / 3.0);
    assert_eq!(accuracy_at_iou(&ious, 1.0 / 3.0).unwrap(), 2.0 / 3.0);
    assert!(matches!(mean_iou(&[]), Err(Error::TooFew { .. })));
    assert!(matches!(paired_iou(&predicted, &[]), Err(Error::LengthMismatch { .. })));
}
