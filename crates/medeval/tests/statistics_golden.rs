//! Tests and intervals against scipy and numpy.
//!
//! `fixtures/eval/statistics.py` made the golden file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod golden;

use golden::{assert_all_close, assert_close, indices, json, number, numbers};
use medeval::Error;
use medeval::statistics::{
    Bootstrap, Clusters, Outcome, TestMethod, benjamini_hochberg, mann_whitney_u, mid_ranks,
    paired_difference, wilcoxon_signed_rank,
};

fn method(exact: bool) -> TestMethod {
    if exact { TestMethod::Exact } else { TestMethod::Normal }
}

#[test]
fn mann_whitney_is_that_of_scipy() {
    let expected = json("statistics.json");
    let cases = expected["mann_whitney"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let test = mann_whitney_u(&first, &second).unwrap();
        assert_eq!(test.u, number(&case["u"]));
        assert_eq!(test.method, method(case["exact"].as_bool().unwrap()));
        assert_close(test.p_value / number(&case["p"]), 1.0, 1e-9, "p");
        let reversed = mann_whitney_u(&second, &first).unwrap();
        assert_close(reversed.p_value, test.p_value, 1e-14, "p of the groups exchanged");
        assert_close(reversed.rank_biserial, -test.rank_biserial, 1e-14, "rank-biserial");
    }
}

#[test]
fn seven_against_four() {
    let (seven, four) = ([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 2.0], [3.0, 1.0, 0.5, 0.2]);
    let test = mann_whitney_u(&seven, &four).unwrap();
    assert_eq!((test.u, test.p_value), (27.0, 4.0 / 330.0));
    assert_eq!(test.rank_biserial, 2.0 * 27.0 / 28.0 - 1.0);
    assert_eq!(mann_whitney_u(&four, &seven).unwrap().u, 1.0);
    assert_eq!(mann_whitney_u(&[1.0; 4], &[1.0; 3]).unwrap().p_value, 1.0);
    assert!(matches!(mann_whitney_u(&[], &four), Err(Error::TooFew { .. })));
    assert!(matches!(mann_whitney_u(&[f64::NAN], &four), Err(Error::NotFinite { .. })));
}

#[test]
fn signed_rank_is_that_of_scipy() {
    let expected = json("statistics.json");
    let cases = expected["wilcoxon"].as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let test = wilcoxon_signed_rank(&numbers(&case["first"]), &numbers(&case["second"])).unwrap();
        assert_eq!(test.positive.min(test.negative), number(&case["statistic"]));
        assert_eq!(test.method, method(case["exact"].as_bool().unwrap()));
        assert_close(test.p_value / number(&case["p"]), 1.0, 1e-9, "p");
    }
    assert!(matches!(wilcoxon_signed_rank(&[1.0], &[1.0]), Err(Error::Undefined { .. })));
    assert!(matches!(wilcoxon_signed_rank(&[1.0], &[]), Err(Error::LengthMismatch { .. })));
}

#[test]
fn adjusted_p_values_and_ranks_are_those_of_scipy() {
    let expected = json("statistics.json");
    for case in expected["fdr"].as_array().unwrap() {
        let q = benjamini_hochberg(&numbers(&case["p"])).unwrap();
        assert_all_close(&q, &numbers(&case["q"]), 1e-14, "q");
    }
    for case in expected["ranks"].as_array().unwrap() {
        assert_eq!(mid_ranks(&numbers(&case["values"])).unwrap(), numbers(&case["ranks"]));
    }
    assert_eq!(mid_ranks(&[0.0, -0.0]).unwrap(), [1.5, 1.5]);
    assert!(benjamini_hochberg(&[]).unwrap().is_empty());
    assert!(matches!(benjamini_hochberg(&[0.5, f64::NAN]), Err(Error::OutOfRange { .. })));
}

#[test]
fn intervals_are_numpys_quantiles_over_the_same_draws() {
    let expected = json("statistics.json");
    let cases = expected["bootstrap"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let values = numbers(&case["values"]);
        let clusters = Clusters::of(&indices(&case["clusters"]));
        let bootstrap =
            Bootstrap { resamples: 400, level: number(&case["level"]), seed: case["seed"].as_u64().unwrap() };
        let zeros = vec![0.0; values.len()];
        let found = paired_difference(&values, &zeros, &clusters, &bootstrap).unwrap().difference;
        assert_close(found.low, number(&case["low"]), 1e-12, "low");
        assert_close(found.high, number(&case["high"]), 1e-12, "high");
        assert_eq!(found.undefined, 0);
    }
}

#[test]
fn win_tie_and_loss() {
    let better: Vec<f64> = (0..40).map(|i| 0.8 + 0.01 * f64::from(i % 5)).collect();
    let worse: Vec<f64> = better.iter().map(|v| v - 0.1).collect();
    let noisy: Vec<f64> =
        better.iter().enumerate().map(|(i, v)| v + if i % 2 == 0 { 0.1 } else { -0.1 }).collect();
    let outcome = |a: &[f64], b: &[f64]| {
        paired_difference(a, b, &Clusters::singletons(40), &Bootstrap::default()).unwrap().outcome
    };
    assert_eq!(outcome(&better, &worse), Outcome::Win);
    assert_eq!(outcome(&worse, &better), Outcome::Loss);
    assert_eq!(outcome(&better, &noisy), Outcome::Tie);
    let short = paired_difference(&better, &worse, &Clusters::singletons(3), &Bootstrap::default());
    assert!(matches!(short, Err(Error::LengthMismatch { .. })));
}
