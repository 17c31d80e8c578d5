//! The loss of the generalised grounder.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use mednn::bridge::read_f32;
use ndarray::Array2;

use super::model::GeneralisedGrounderOutput;
use crate::error::Result;
use crate::losses::{
    MatchedQuery, MatchingWeights, box_losses, groundability_loss, match_queries, pick_queries,
};
use crate::mdetr::{matched_boxes, rows_of_four, wrong};

/// The parts of a loss, each weighted and of all layers of the decoder: `[1]`.
#[derive(Debug, Clone)]
pub struct GroundingLoss {
    /// Whether queries stand for something, times 1.
    pub groundability: Tensor<1>,
    /// L1, times 5.
    pub l1: Tensor<1>,
    /// `1 - GIoU`, times 2.
    pub giou: Tensor<1>,
}

impl GroundingLoss {
    /// The sum of the parts.
    pub fn total(&self) -> Tensor<1> {
        self.groundability.clone() + self.l1.clone() + self.giou.clone()
    }
}

/// Groundability of all queries, and L1 and GIoU of those that are matched, in each layer of the decoder; boxes are divided by their
/// number in the batch (at least 1). A phrase without boxes teaches that there is nothing. Weights are DETR's.
///
/// `boxes` are those of each phrase: centre, width and height in 0..1 of the square.
///
/// # Errors
/// [`Error::Batch`](crate::Error::Batch) when they are not of as many phrases, or more than there are queries;
/// [`Error::Image`](crate::Error::Image) and [`Error::Evaluation`](crate::Error::Evaluation) when outputs are not finite.
pub fn generalised_grounder_loss(
    layers: &[GeneralisedGrounderOutput],
    boxes: &[Vec<[f32; 4]>],
) -> Result<GroundingLoss> {
    let first = layers.first().ok_or_else(|| wrong("layers", "at least one", 0))?;
    let [batch, queries, _] = first.logits.dims();
    if boxes.len() != batch {
        return Err(wrong("targets", &format!("{batch}, one for each phrase"), boxes.len()));
    }
    if let Some(many) = boxes.iter().find(|boxes| boxes.len() > queries) {
        return Err(wrong("boxes of a phrase", &format!("at most {queries}, the queries"), many.len()));
    }
    let count = boxes.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    let zero = || Tensor::<1>::zeros([1], &first.logits.device());
    let mut loss = GroundingLoss { groundability: zero(), l1: zero(), giou: zero() };
    for layer in layers {
        let matches = matching(layer, boxes)?;
        loss.groundability = loss.groundability + groundability_loss(layer.logits.clone(), &matches);
        if matches.is_empty() {
            continue;
        }
        let (l1, giou) = box_losses(
            pick_queries(layer.boxes.clone(), &matches),
            matched_boxes(&matches, boxes, &layer.boxes),
        );
        loss.l1 = loss.l1 + l1.sum() * (5.0 / count);
        loss.giou = loss.giou + giou.sum() * (2.0 / count);
    }
    Ok(loss)
}

fn matching(layer: &GeneralisedGrounderOutput, truth: &[Vec<[f32; 4]>]) -> Result<Vec<MatchedQuery>> {
    let queries = layer.logits.dims()[1];
    let something = read_f32(softmax(layer.logits.clone(), 2).narrow(2, 1, 1))?;
    let found = rows_of_four(&read_f32(layer.boxes.clone())?);
    let mut matches = Vec::new();
    for (batch, truth) in truth.iter().enumerate() {
        let own = batch * queries..(batch + 1) * queries;
        let cost = Array2::from_shape_fn([queries, truth.len()], |(query, _)| {
            -f64::from(something[own.start + query])
        });
        let pairs = match_queries(&cost, &found[own], truth, MatchingWeights::default())?;
        matches.extend(pairs.into_iter().map(|(query, truth)| MatchedQuery { batch, query, truth }));
    }
    Ok(matches)
}
