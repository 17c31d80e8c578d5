//! Boxes beside their tokens.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Tensor, TensorData};

use super::matching::MatchedQuery;

/// Contrastive alignment (MDETR, section 2.2.1): each matched query is to be closer to its tokens than to others, and each token
/// to its queries. Half the sum of both; MDETR divides it by the number of boxes.
///
/// Padded tokens are left out of the sums, so that a phrase's loss does not depend on its batch; the paper's code counts them.
///
/// # Shapes
/// - `queries`: `[batch, queries, width]` and `text`: `[batch, length, width]`, of length 1
/// - `valid`: `[batch, length]`, true where a token is real
/// - `tokens`: for each of the batch and each of its boxes, the places of its tokens
/// - output: `[1]`
///
/// # Panics
/// On other shapes, and on tokens and matches that are not there.
pub fn alignment_loss(
    queries: Tensor<3>,
    text: Tensor<3>,
    valid: Tensor<2, Bool>,
    matches: &[MatchedQuery],
    tokens: &[Vec<Vec<usize>>],
    temperature: f64,
) -> Tensor<1> {
    let [batch, count, _] = queries.dims();
    let length = text.dims()[1];
    let mut positive = vec![0f32; batch * count * length];
    for matched in matches {
        for &token in &tokens[matched.batch][matched.truth] {
            positive[(matched.batch * count + matched.query) * length + token] = 1.0;
        }
    }
    let shares = |of_query: bool| {
        let sum = |b: usize, q: usize, t: usize| -> f32 {
            let at = |q: usize, t: usize| positive[(b * count + q) * length + t];
            if of_query { (0..length).map(|t| at(q, t)).sum() } else { (0..count).map(|q| at(q, t)).sum() }
        };
        let share = |i: usize| {
            let (b, q, t) = (i / (count * length), i / length % count, i % length);
            if positive[i] > 0.0 { 1.0 / sum(b, q, t) } else { 0.0 }
        };
        let values: Vec<f32> = (0..positive.len()).map(share).collect();
        Tensor::<3>::from_data(TensorData::new(values, [batch, count, length]), &queries.device())
    };
    let (by_query, by_token) = (shares(true), shares(false));
    let logits = queries.clone().matmul(text.swap_dims(1, 2)) / temperature;
    let padding = valid.bool_not().unsqueeze_dim::<3>(1).expand([batch, count, length]);
    // Finite: no gradient of an infinity.
    let logits = logits.mask_fill(padding, -1e9);
    let query_to_token = (log_softmax(logits.clone(), 2) * by_query).sum();
    let token_to_query = (log_softmax(logits, 1) * by_token).sum();
    (query_to_token + token_to_query) * -0.5
}
