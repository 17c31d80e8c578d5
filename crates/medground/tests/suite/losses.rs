//! Losses and their gradients against torch; the matching against transformers' and scipy's.

use burn::tensor::{Device, Tensor};
use medground::Error;
use medground::grounder::{GeneralisedGrounderOutput, generalised_grounder_loss};
use medground::losses::{MatchedQuery, groundability_loss, taco_loss};
use medground::mdetr::{MdetrOutput, MdetrTargets, mdetr_loss};
use mednn::bridge::read_f32;

use crate::common::{Golden, close};

const LOSS: f32 = 2e-6;
const GRADIENT: f32 = 1e-5;

fn targets() -> MdetrTargets {
    MdetrTargets {
        boxes: vec![vec![[0.3, 0.4, 0.25, 0.5], [0.7, 0.6, 0.2, 0.3]], vec![[0.5, 0.5, 0.875, 0.75]]],
        tokens: vec![vec![vec![1, 2], vec![3, 4, 5]], vec![vec![1, 3]]],
    }
}

fn pairs(golden: &mut Golden) -> Vec<MatchedQuery> {
    let pair = |p: &[f32]| MatchedQuery { batch: p[0] as usize, query: p[1] as usize, truth: p[2] as usize };
    golden.values("pairs").chunks_exact(3).map(pair).collect()
}

fn scalar(x: Tensor<1>) -> f32 {
    read_f32(x).unwrap()[0]
}

#[test]
fn losses_and_gradients_are_those_of_torch() {
    let device = Device::flex().autodiff();
    let mut golden = Golden::open("losses.safetensors");
    let mut leaf = |key: &str| golden.tensor::<3>(key, &device).require_grad();
    let leaves = ["logits", "boxes", "queries", "text", "two", "visual", "words"].map(|key| (key, leaf(key)));
    let of = |name: &str| leaves.iter().find(|(key, _)| *key == name).unwrap().1.clone();
    let output = MdetrOutput {
        logits: of("logits"),
        boxes: of("boxes"),
        query_alignment: of("queries"),
        text_alignment: of("text"),
    };
    let loss = mdetr_loss(&[output], &golden.mask("real", &device), &targets()).unwrap();
    let matches = pairs(&mut golden);
    let ground = groundability_loss(of("two"), &matches);
    let regions: Vec<Vec<[f32; 4]>> = golden
        .values("regions")
        .chunks_exact(12)
        .map(|b| b.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]).collect())
        .collect();
    let taco = taco_loss(
        of("visual"),
        golden.mask("shown", &device),
        [3, 4],
        of("words"),
        golden.mask("read", &device),
        &regions,
    );
    let mut check = |key: &str, weight: f32, found: Tensor<1>| {
        let expected: Tensor<1> = golden.tensor(key, &device);
        close(found, expected * weight, LOSS, key);
    };
    check("soft", 1.0, loss.soft_token.clone());
    check("l1", 5.0, loss.l1.clone());
    check("giou", 2.0, loss.giou.clone());
    check("align", 1.0, loss.alignment.clone());
    check("ground", 1.0, ground.clone());
    check("taco", 1.0, taco.clone());
    let gradients = (loss.total() + ground + taco).backward();
    for (key, value) in leaves {
        let expected = golden.tensor::<3>(&format!("grad.{key}"), &Device::flex());
        close(value.grad(&gradients).unwrap(), expected, GRADIENT, key);
    }
}

#[test]
fn auxiliary_layers_add_up() {
    let device = Device::flex();
    let mut golden = Golden::open("losses.safetensors");
    let mut output = || MdetrOutput {
        logits: golden.tensor("logits", &device),
        boxes: golden.tensor("boxes", &device),
        query_alignment: golden.tensor("queries", &device),
        text_alignment: golden.tensor("text", &device),
    };
    let layers = [output(), output(), output()];
    let valid = golden.mask("real", &device);
    let one = scalar(mdetr_loss(&layers[..1], &valid, &targets()).unwrap().total());
    let three = scalar(mdetr_loss(&layers, &valid, &targets()).unwrap().total());
    assert!((three / one - 3.0).abs() < 1e-5);
}

fn two_way(golden: &mut Golden, device: &Device) -> GeneralisedGrounderOutput {
    GeneralisedGrounderOutput { logits: golden.tensor("two", device), boxes: golden.tensor("boxes", device) }
}

#[test]
fn a_phrase_without_boxes_teaches_that_there_is_nothing() {
    let device = Device::flex();
    let mut golden = Golden::open("losses.safetensors");
    let output = two_way(&mut golden, &device);
    let none = generalised_grounder_loss(std::slice::from_ref(&output), &[vec![], vec![]]).unwrap();
    assert_eq!(scalar(none.l1.clone() + none.giou.clone()), 0.0);
    // The mean cross-entropy with "nothing".
    let logits = golden.values("two");
    let nothing = |l: &[f32]| f64::from((l[1] - l[0]).exp().ln_1p());
    let expected = logits.chunks_exact(2).map(nothing).sum::<f64>() / 8.0;
    assert!((f64::from(scalar(none.total())) - expected).abs() < 1e-5);
    let some = generalised_grounder_loss(std::slice::from_ref(&output), &targets().boxes).unwrap();
    assert!(scalar(some.l1) > 0.0);
}

#[test]
fn targets_that_cannot_be_are_refused() {
    let device = Device::flex();
    let mut golden = Golden::open("losses.safetensors");
    let output = two_way(&mut golden, &device);
    let refused = |boxes: &[Vec<[f32; 4]>]| {
        matches!(generalised_grounder_loss(std::slice::from_ref(&output), boxes), Err(Error::Batch { .. }))
    };
    assert!(refused(&[vec![]]));
    assert!(refused(&[vec![[0.5; 4]; 5], vec![]]));
    assert!(generalised_grounder_loss(&[], &[]).is_err());
    let diverged = GeneralisedGrounderOutput { boxes: output.boxes.clone() * f32::NAN, ..output.clone() };
    assert!(matches!(generalised_grounder_loss(&[diverged], &targets().boxes), Err(Error::Image(_))));
    let output = MdetrOutput {
        logits: golden.tensor("logits", &device),
        boxes: golden.tensor("boxes", &device),
        query_alignment: golden.tensor("queries", &device),
        text_alignment: golden.tensor("text", &device),
    };
    let valid = golden.mask("real", &device);
    for tokens in [vec![vec![vec![7], vec![1]], vec![vec![1]]], vec![vec![vec![], vec![1]], vec![vec![1]]]] {
        let targets = MdetrTargets { tokens, ..targets() };
        assert!(matches!(
            mdetr_loss(std::slice::from_ref(&output), &valid, &targets),
            Err(Error::Batch { .. })
        ));
    }
}
