//! Classification measures against scikit-learn and torchmetrics.
//!
//! `fixtures/eval/classification.py` made the golden file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod golden;

use golden::{assert_all_close, assert_close, flags, indices, json, matrix, number, numbers};
use medeval::classification::{
    Calibration, ConfusionMatrix, RocCurve, average_precision, brier_score, roc_auc, roc_auc_one_vs_rest,
};
use medeval::{ConfusionCounts, Error};

#[test]
fn two_classes() {
    let expected = json("classification.json");
    let cases = expected["binary"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let (scores, truth) = (numbers(&case["scores"]), flags(&case["truth"]));
        let close =
            |found: f64, key: &str, tolerance: f64| assert_close(found, number(&case[key]), tolerance, key);
        close(roc_auc(&scores, &truth).unwrap(), "roc_auc", 1e-12);
        close(average_precision(&scores, &truth).unwrap(), "average_precision", 1e-12);
        close(brier_score(&scores, &truth).unwrap(), "brier", 1e-12);
        let curve = RocCurve::of(&scores, &truth).unwrap();
        assert_all_close(&curve.false_positive_rate, &numbers(&case["fpr"]), 1e-12, "fpr");
        assert_all_close(&curve.true_positive_rate, &numbers(&case["tpr"]), 1e-12, "tpr");
        assert_all_close(&curve.thresholds[1..], &numbers(&case["thresholds"]), 1e-12, "thresholds");
        let counts = ConfusionCounts::of(&flags(&case["predicted"]), &truth).unwrap();
        close(counts.sensitivity().unwrap(), "sensitivity", 1e-12);
        close(counts.specificity().unwrap(), "specificity", 1e-12);
        close(counts.precision().unwrap(), "precision", 1e-12);
        close(counts.negative_predictive_value().unwrap(), "npv", 1e-12);
        close(counts.f1(), "f1", 1e-12);
        close(counts.f_beta(2.0), "f2", 1e-12);
        close(counts.balanced_accuracy().unwrap(), "balanced_accuracy", 1e-12);
        if !case["ece_10"].is_null() {
            let calibration = |bins| Calibration::of(&scores, &truth, bins).unwrap();
            close(calibration(10).expected_error(), "ece_10", 1e-6);
            close(calibration(15).expected_error(), "ece_15", 1e-6);
            close(calibration(10).maximum_error(), "mce_10", 1e-6);
        }
    }
}

#[test]
fn many_classes() {
    let expected = &json("classification.json")["many"];
    let (predicted, truth) = (indices(&expected["predicted"]), indices(&expected["truth"]));
    let close = |found: f64, key: &str| assert_close(found, number(&expected[key]), 1e-12, key);
    close(roc_auc_one_vs_rest(matrix(&expected["scores"]).view(), &truth).unwrap(), "roc_auc");
    let confusion = ConfusionMatrix::of(&predicted, &truth, 6).unwrap();
    assert_eq!(confusion.counts().mapv(|n| n as f64), matrix(&expected["matrix"]));
    close(confusion.accuracy(), "accuracy");
    close(confusion.balanced_accuracy(), "balanced_accuracy");
    close(confusion.macro_f1(), "macro_f1");
}

#[test]
fn what_is_not_defined_is_refused() {
    assert!(matches!(roc_auc(&[0.1, 0.2], &[true, true]), Err(Error::OneClass { .. })));
    assert!(matches!(roc_auc(&[], &[]), Err(Error::OneClass { .. })));
    assert!(matches!(roc_auc(&[0.1], &[true, false]), Err(Error::LengthMismatch { .. })));
    let nan = roc_auc(&[0.1, f64::NAN], &[true, false]);
    assert!(matches!(nan, Err(Error::NotFinite { index: 1, .. })));
    assert!(matches!(brier_score(&[1.2], &[true]), Err(Error::OutOfRange { .. })));
    assert!(matches!(Calibration::of(&[0.5], &[true], 0), Err(Error::TooFew { .. })));
    let class = ConfusionMatrix::of(&[3], &[0], 3);
    assert!(matches!(class, Err(Error::ClassOutOfRange { found: 3, classes: 3 })));
    let nothing = ConfusionCounts::default();
    assert_eq!((nothing.dice(), nothing.iou(), nothing.sensitivity()), (1.0, 1.0, None));
}
