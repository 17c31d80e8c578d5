//! The losses of MDETR.

use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Tensor, TensorData};
use mednn::bridge::read_f32;
use ndarray::Array2;

use super::model::MdetrOutput;
use crate::error::{Error, Result};
use crate::losses::{
    MatchedQuery, MatchingWeights, alignment_loss, box_losses, match_queries, pick_queries, soft_token_loss,
};

/// What is to be found for each phrase of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MdetrTargets {
    /// The boxes of each phrase: centre, width and height in 0..1 of the square.
    pub boxes: Vec<Vec<[f32; 4]>>,
    /// For each of these boxes the places of its tokens in the phrase.
    pub tokens: Vec<Vec<Vec<usize>>>,
}

/// The parts of the loss of all layers of the decoder, each weighted: `[1]`.
#[derive(Debug, Clone)]
pub struct MdetrLoss {
    /// Soft tokens, times 1.
    pub soft_token: Tensor<1>,
    /// L1, times 5.
    pub l1: Tensor<1>,
    /// `1 - GIoU`, times 2.
    pub giou: Tensor<1>,
    /// Contrastive alignment, times 1.
    pub alignment: Tensor<1>,
}

impl MdetrLoss {
    /// The sum of the parts.
    pub fn total(&self) -> Tensor<1> {
        self.soft_token.clone() + self.l1.clone() + self.giou.clone() + self.alignment.clone()
    }
}

/// How much *no object* counts.
const NO_OBJECT: f64 = 0.1;
/// Temperature of the alignment.
const TEMPERATURE: f64 = 0.07;

/// The losses of all layers of the decoder (section 2.2.1), each layer with a matching of its own, divided by the number of boxes
/// of the batch (at least 1).
///
/// `valid` says which tokens of the phrases are real, `[batch, length]`.
///
/// # Errors
/// [`Error::Batch`] when targets and outputs differ in number or a token is not there; [`Error::Image`] and
/// [`Error::Evaluation`] when outputs are not finite; [`Error::Network`] when the device fails.
pub fn mdetr_loss(
    layers: &[MdetrOutput],
    valid: &Tensor<2, Bool>,
    targets: &MdetrTargets,
) -> Result<MdetrLoss> {
    let first = layers.first().ok_or_else(|| wrong("layers", "at least one", 0))?;
    let [batch, queries, classes] = first.logits.dims();
    check(targets, batch, queries, (classes - 1).min(valid.dims()[1]))?;
    let count = targets.boxes.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    let zero = || Tensor::<1>::zeros([1], &first.logits.device());
    let mut loss = MdetrLoss { soft_token: zero(), l1: zero(), giou: zero(), alignment: zero() };
    for layer in layers {
        let matches = matching(layer, targets)?;
        let soft = soft_token_loss(layer.logits.clone(), &matches, &targets.tokens, NO_OBJECT);
        loss.soft_token = loss.soft_token + soft / count;
        if matches.is_empty() {
            continue;
        }
        let (l1, giou) = box_losses(
            pick_queries(layer.boxes.clone(), &matches),
            matched_boxes(&matches, &targets.boxes, &layer.boxes),
        );
        loss.l1 = loss.l1 + l1.sum() * (5.0 / count);
        loss.giou = loss.giou + giou.sum() * (2.0 / count);
        let aligned = alignment_loss(
            layer.query_alignment.clone(),
            layer.text_alignment.clone(),
            valid.clone(),
            &matches,
            &targets.tokens,
            TEMPERATURE,
        );
        loss.alignment = loss.alignment + aligned / count;
    }
    Ok(loss)
}

/// The boxes that matched queries stand for: `[matches, 4]`.
pub(crate) fn matched_boxes(
    matches: &[MatchedQuery],
    boxes: &[Vec<[f32; 4]>],
    like: &Tensor<3>,
) -> Tensor<2> {
    let values: Vec<f32> = matches.iter().flat_map(|m| boxes[m.batch][m.truth]).collect();
    Tensor::from_data(TensorData::new(values, [matches.len(), 4]), &like.device())
}

/// Rows of four.
pub(crate) fn rows_of_four(values: &[f32]) -> Vec<[f32; 4]> {
    values.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]).collect()
}

fn matching(layer: &MdetrOutput, targets: &MdetrTargets) -> Result<Vec<MatchedQuery>> {
    let [_, queries, classes] = layer.logits.dims();
    let probabilities = read_f32(softmax(layer.logits.clone(), 2))?;
    let boxes = rows_of_four(&read_f32(layer.boxes.clone())?);
    let mut matches = Vec::new();
    for (batch, (truth, tokens)) in targets.boxes.iter().zip(&targets.tokens).enumerate() {
        let probability =
            |query: usize, slot: usize| f64::from(probabilities[(batch * queries + query) * classes + slot]);
        let cost = Array2::from_shape_fn([queries, truth.len()], |(query, t)| {
            let slots = &tokens[t];
            -slots.iter().map(|&slot| probability(query, slot)).sum::<f64>() / slots.len().max(1) as f64
        });
        let found = &boxes[batch * queries..(batch + 1) * queries];
        let pairs = match_queries(&cost, found, truth, MatchingWeights::default())?;
        matches.extend(pairs.into_iter().map(|(query, truth)| MatchedQuery { batch, query, truth }));
    }
    Ok(matches)
}

fn check(targets: &MdetrTargets, batch: usize, queries: usize, slots: usize) -> Result<()> {
    if targets.boxes.len() != batch || targets.tokens.len() != batch {
        return Err(wrong("targets", &format!("{batch}, one for each phrase"), targets.boxes.len()));
    }
    for (boxes, tokens) in targets.boxes.iter().zip(&targets.tokens) {
        if boxes.len() != tokens.len() {
            return Err(wrong("tokens of boxes", &boxes.len().to_string(), tokens.len()));
        }
        if boxes.len() > queries {
            return Err(wrong("boxes of a phrase", &format!("at most {queries}, the queries"), boxes.len()));
        }
        if tokens.iter().any(Vec::is_empty) {
            return Err(wrong("tokens of a box", "at least one", 0));
        }
        if let Some(slot) = tokens.iter().flatten().find(|slot| **slot >= slots) {
            return Err(wrong("the place of a token", &format!("below {slots}"), *slot));
        }
    }
    Ok(())
}

pub(crate) fn wrong(what: &'static str, expected: &str, found: usize) -> Error {
    Error::Batch { what, expected: expected.to_string(), found: found.to_string() }
}
