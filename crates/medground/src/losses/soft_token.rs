//! The tokens that a box is of.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use super::matching::MatchedQuery;

/// Cross-entropy of every query with its tokens, evenly shared, or with *no object*, which counts `no_object` times as much
/// (MDETR, section 2.2.1, "Soft token prediction"). The sum over queries; MDETR divides it by the number of boxes.
///
/// # Shapes
/// - `logits`: `[batch, queries, slots + 1]`, the last of *no object*
/// - `tokens`: for each of the batch and each of its boxes, the slots of its tokens
/// - output: `[1]`
///
/// # Panics
/// On slots and matches that are not there.
pub fn soft_token_loss(
    logits: Tensor<3>,
    matches: &[MatchedQuery],
    tokens: &[Vec<Vec<usize>>],
    no_object: f64,
) -> Tensor<1> {
    let [batch, queries, classes] = logits.dims();
    let mut weights = vec![0f32; batch * queries * classes];
    for row in weights.chunks_exact_mut(classes) {
        row[classes - 1] = no_object as f32;
    }
    for matched in matches {
        let slots = &tokens[matched.batch][matched.truth];
        let start = (matched.batch * queries + matched.query) * classes;
        let row = &mut weights[start..start + classes];
        row[classes - 1] = 0.0;
        for &slot in slots {
            row[slot] += 1.0 / slots.len() as f32;
        }
    }
    let weights = Tensor::from_data(TensorData::new(weights, [batch, queries, classes]), &logits.device());
    (log_softmax(logits, 2) * weights).sum() * -1.0
}
