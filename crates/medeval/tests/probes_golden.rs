//! Probes on features against scikit-learn, scipy and cka-pytorch.
//!
//! `fixtures/eval/probes.py` made the golden file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod golden;

use golden::{assert_all_close, assert_close, indices, json, matrix, number, numbers};
use medeval::Error;
use medeval::probes::{
    KnnProbe, LinearModel, LinearProbe, LinearProbeOptions, LogisticRegression, RidgeRegression, Scatter,
    Standardizer, flips, l2_normalize, linear_cka, linear_cka_debiased, overlay_predictability,
    overlay_shift, silhouette,
};
use ndarray::{Array2, Axis, array, s};
use serde_json::Value;

struct Data {
    expected: Value,
    train: Array2<f64>,
    train_labels: Vec<usize>,
    test: Array2<f64>,
    test_labels: Vec<usize>,
}

fn data() -> Data {
    let expected = json("probes.json");
    let data = &expected["data"];
    Data {
        train: matrix(&data["train"]),
        train_labels: indices(&data["train_labels"]),
        test: matrix(&data["test"]),
        test_labels: indices(&data["test_labels"]),
        expected,
    }
}

fn assert_matrix_close(found: &Array2<f64>, expected: &Value, tolerance: f64, what: &str) {
    let expected = matrix(expected);
    assert_eq!(found.dim(), expected.dim(), "{what}");
    assert_all_close(found, expected.as_slice().unwrap(), tolerance, what);
}

#[test]
fn standardizing_is_that_of_scikit_learn() {
    let data = data();
    let found = Standardizer::fit(data.train.view()).unwrap().apply(data.test.view()).unwrap();
    assert_matrix_close(&found, &data.expected["standardized"], 1e-10, "standardized");
}

#[test]
fn ridge_regression_is_that_of_scikit_learn() {
    let expected = json("probes.json");
    let cases = expected["ridge"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let (x, y) = (matrix(&case["x"]), matrix(&case["y"]));
        let model = RidgeRegression::fit(x.view(), y.view(), number(&case["penalty"])).unwrap();
        assert_matrix_close(&model.weights().to_owned(), &case["weights"], 1e-9, "weights");
        assert_all_close(model.intercept(), &numbers(&case["intercept"]), 1e-9, "intercept");
    }
    let twice = array![[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]];
    let dependent = RidgeRegression::fit(twice.view(), twice.view(), 0.0);
    assert!(matches!(dependent, Err(Error::NotPositiveDefinite { size: 2 })));
    assert!(matches!(RidgeRegression::fit(twice.view(), twice.view(), -1.0), Err(Error::OutOfRange { .. })));
}

#[test]
fn logistic_regression_is_that_of_scikit_learn() {
    let data = data();
    let standardizer = Standardizer::fit(data.train.view()).unwrap();
    let x = standardizer.apply(data.train.view()).unwrap();
    let z = standardizer.apply(data.test.view()).unwrap();
    let cases = data.expected["logistic"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let penalty = number(&case["penalty"]);
        let model = LogisticRegression::fit(x.view(), &data.train_labels, 3, penalty).unwrap();
        assert!(model.converged(), "{penalty}");
        let mean = model.weights().mean_axis(Axis(1)).unwrap().insert_axis(Axis(1));
        let weights = &model.weights() - &mean;
        assert_matrix_close(&weights, &case["weights"], 1e-4, &format!("weights at {penalty}"));
        let found = model.probabilities(z.view()).unwrap();
        assert_matrix_close(&found, &case["probabilities"], 1e-4, &format!("probabilities at {penalty}"));
    }
    let two = &data.expected["logistic_two"];
    let model =
        LogisticRegression::fit(x.view(), &indices(&two["labels"]), 2, number(&two["penalty"])).unwrap();
    let found = model.probabilities(z.view()).unwrap();
    assert_matrix_close(&found, &two["probabilities"], 1e-5, "probabilities of two classes");
}

#[test]
fn linear_probes_learn_and_choose() {
    let data = data();
    let (fit, hold) = (s![..40, ..], s![40.., ..]);
    let (fit_labels, hold_labels) = data.train_labels.split_at(40);
    for model in [LinearModel::Ridge, LinearModel::Logistic] {
        let options = LinearProbeOptions::new(model);
        let probe = LinearProbe::fit(
            data.train.slice(fit),
            fit_labels,
            data.train.slice(hold),
            hold_labels,
            &options,
        )
        .unwrap();
        let predicted = probe.predict(data.test.view()).unwrap();
        let right = predicted.iter().zip(&data.test_labels).filter(|(p, t)| p == t).count();
        assert!(right >= 30, "{model:?}: {right} of 40");
        assert!(probe.validation_accuracy() > 0.7, "{model:?}");
        assert!(options.penalties.contains(&probe.penalty()));
        assert_eq!(probe.scores(data.test.view()).unwrap().dim(), (40, 3));
    }
    let options = LinearProbeOptions::new(LinearModel::Ridge);
    let train = data.train.view();
    let one = LinearProbe::fit(train, &[0; 60], train, &[0; 60], &options);
    assert!(matches!(one, Err(Error::OneClass { .. })));
    let mut gap = data.train_labels.clone();
    gap[0] = usize::MAX;
    let gap = LinearProbe::fit(train, &gap, train, &data.train_labels, &options);
    assert!(matches!(gap, Err(Error::OutOfRange { .. })));
    let mut nan = data.train.clone();
    nan[[3, 2]] = f64::NAN;
    let nan = LinearProbe::fit(nan.view(), &data.train_labels, train, &data.train_labels, &options);
    assert!(matches!(nan, Err(Error::NotFinite { index: 26, .. })));
}

#[test]
fn nearest_neighbours_are_those_of_scikit_learn() {
    let data = data();
    let cases = data.expected["knn"].as_object().unwrap();
    assert_eq!(cases.len(), 5);
    for (k, expected) in cases {
        let train = (data.train.view(), &data.train_labels[..]);
        let probe = KnnProbe::fit(train.0, train.1, train.0, train.1, &[k.parse().unwrap()]).unwrap();
        assert_eq!(probe.predict(data.test.view()).unwrap(), indices(expected), "{k}");
    }
    let ks = [9, 1, 5];
    let (train, test) = (data.train.view(), data.test.view());
    let probe = KnnProbe::fit(train, &data.train_labels, test, &data.test_labels, &ks).unwrap();
    let share = |k: usize| {
        let predicted = indices(&data.expected["knn"][k.to_string()]);
        predicted.iter().zip(&data.test_labels).filter(|(p, t)| p == t).count() as f64 / 40.0
    };
    let best = ks.iter().map(|k| share(*k)).fold(0.0, f64::max);
    assert_eq!((probe.validation_accuracy(), share(probe.k())), (best, best));
    let many = KnnProbe::fit(train, &data.train_labels, test, &data.test_labels, &[61]);
    assert!(matches!(many, Err(Error::OutOfRange { .. })));
}

#[test]
fn separation_of_classes_is_that_of_scikit_learn() {
    let data = data();
    let found = silhouette(data.train.view(), &data.train_labels).unwrap();
    assert_close(found, number(&data.expected["silhouette"]), 1e-9, "silhouette");
    let lonely = &data.expected["silhouette_lonely"];
    let found = silhouette(data.train.view(), &indices(&lonely["labels"])).unwrap();
    assert_close(found, number(&lonely["value"]), 1e-9, "silhouette with a class of one");
    let scatter = Scatter::of(data.train.view(), &data.train_labels).unwrap();
    let expected = number(&data.expected["calinski_harabasz"]);
    assert_close(scatter.calinski_harabasz().unwrap(), expected, 1e-9, "Calinski-Harabasz");
    assert!(matches!(silhouette(data.train.view(), &[2; 60]), Err(Error::OneClass { .. })));
    assert!(matches!(l2_normalize(array![[0.0, 0.0]].view()), Err(Error::Undefined { .. })));
}

#[test]
fn alignment_of_encoders() {
    let expected = json("probes.json");
    let cases = expected["cka"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let (x, y) = (matrix(&case["x"]), matrix(&case["y"]));
        let biased = linear_cka(x.view(), y.view()).unwrap();
        assert_close(biased, number(&case["biased"]), 1e-9, "CKA");
        let debiased = linear_cka_debiased(x.view(), y.view()).unwrap();
        assert_close(debiased, number(&case["debiased"]), 1e-9, "debiased CKA");
        assert_close(
            linear_cka(x.view(), (&x * 1e-200).view()).unwrap(),
            1.0,
            1e-9,
            "CKA with itself, scaled",
        );
    }
    let same = Array2::from_elem((5, 2), 3.0);
    assert!(matches!(linear_cka(same.view(), same.view()), Err(Error::Undefined { .. })));
    let few = linear_cka_debiased(same.slice(s![..3, ..]), same.slice(s![..3, ..]));
    assert!(matches!(few, Err(Error::TooFew { expected: 4, found: 3, .. })));
}

#[test]
fn overlays_move_features_and_predictions() {
    let data = data();
    let expected = &data.expected["overlay"];
    let overlaid = matrix(&expected["overlaid"]);
    let shift = overlay_shift(data.test.view(), overlaid.view(), &data.test_labels).unwrap();
    assert_close(shift.class_distance, number(&expected["class_distance"]), 1e-9, "class distance");
    assert_all_close(&shift.shifts, &numbers(&expected["shifts"]), 1e-9, "shifts");
    assert!(matches!(
        overlay_shift(data.test.view(), overlaid.view(), &[0; 40]),
        Err(Error::OneClass { .. })
    ));

    // Three of four change; of the three that could follow the overlay two do.
    let found = flips(&[0, 1, 2, 2], &[1, 1, 0, 0], &[Some(1), Some(0), Some(0), None]).unwrap();
    assert_eq!((found.changed, found.followed), (0.75, Some(2.0 / 3.0)));
    assert_eq!(flips(&[0], &[0], &[Some(0)]).unwrap().followed, None);
    assert!(matches!(flips(&[0], &[0, 1], &[None]), Err(Error::LengthMismatch { .. })));
}

#[test]
fn an_overlay_that_leaves_its_mark_is_predictable() {
    let data = data();
    let options = LinearProbeOptions::new(LinearModel::Logistic);
    let mark = |x: &Array2<f64>| {
        let mut marked = x.clone();
        marked.column_mut(0).mapv_inplace(|v| v + 20.0);
        marked
    };
    let fit = data.train.slice(s![..40, ..]).to_owned();
    let hold = data.train.slice(s![40.., ..]).to_owned();
    let parts = [&fit, &hold, &data.test];
    let share = |overlay: &dyn Fn(&Array2<f64>) -> Array2<f64>| {
        let overlaid = parts.map(overlay);
        let part = |at: usize| [parts[at].view(), overlaid[at].view()];
        overlay_predictability(&part(0), &part(1), &part(2), &options).unwrap()
    };
    assert_eq!(share(&mark), 1.0);
    assert_eq!(share(&|x| x.clone()), 0.5);
    let alone = overlay_predictability(&[fit.view()], &[hold.view()], &[hold.view()], &options);
    assert!(matches!(alone, Err(Error::TooFew { .. })));
}
