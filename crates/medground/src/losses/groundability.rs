//! Whether a query stands for something.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use super::matching::MatchedQuery;

/// Two-way cross-entropy of every query, the mean over all: *something* for those that are matched, *nothing* for the others.
///
/// # Shapes
/// - `logits`: `[batch, queries, 2]`, nothing and something; output: `[1]`
///
/// # Panics
/// On other shapes, and on matches that are not there.
pub fn groundability_loss(logits: Tensor<3>, matches: &[MatchedQuery]) -> Tensor<1> {
    let [batch, queries, _] = logits.dims();
    let mut targets: Vec<f32> = [1.0, 0.0].repeat(batch * queries);
    for matched in matches {
        let at = 2 * (matched.batch * queries + matched.query);
        (targets[at], targets[at + 1]) = (0.0, 1.0);
    }
    let targets = Tensor::from_data(TensorData::new(targets, [batch, queries, 2]), &logits.device());
    (log_softmax(logits, 2) * targets).sum() / -((batch * queries) as f64)
}
