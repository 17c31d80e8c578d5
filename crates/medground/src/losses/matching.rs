//! Which query stands for which box.

use burn::tensor::{Int, Tensor, TensorData};
use medcore::PixelBox;
use medeval::detection::linear_assignment;
use ndarray::Array2;

use crate::error::{Error, Result};

/// What counts how much when queries are matched with boxes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchingWeights {
    /// Of the cost of the class, such as `-P(tokens)`.
    pub class: f64,
    /// Of the L1 distance.
    pub l1: f64,
    /// Of `-GIoU`.
    pub giou: f64,
}

impl Default for MatchingWeights {
    /// DETR's and MDETR's: 1, 5, 2.
    fn default() -> Self {
        Self { class: 1.0, l1: 5.0, giou: 2.0 }
    }
}

/// A query and the box that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchedQuery {
    /// Which of the batch.
    pub batch: usize,
    /// Which query of it.
    pub query: usize,
    /// Which box of it.
    pub truth: usize,
}

/// The cheapest pairs of queries and boxes of one image (DETR, section 3.1), by rising query. With more boxes than queries some
/// boxes are left over.
///
/// `class_cost` is `[queries, boxes]`; boxes are centre, width and height.
///
/// # Errors
/// [`Error::Batch`] when the cost is of another shape; [`Error::Image`] and [`Error::Evaluation`] for values that are not
/// finite, as of a training that has diverged.
pub fn match_queries(
    class_cost: &Array2<f64>,
    predicted: &[[f32; 4]],
    truth: &[[f32; 4]],
    weights: MatchingWeights,
) -> Result<Vec<(usize, usize)>> {
    if class_cost.dim() != (predicted.len(), truth.len()) {
        return Err(Error::Batch {
            what: "costs",
            expected: format!("[{}, {}]", predicted.len(), truth.len()),
            found: format!("{:?}", class_cost.dim()),
        });
    }
    let pixel = |unit: &[f32; 4]| {
        let [cx, cy, width, height] = unit.map(f64::from);
        PixelBox::from_cxcywh(cx, cy, width, height)
    };
    let as_boxes = |boxes: &[[f32; 4]]| boxes.iter().map(pixel).collect::<Result<Vec<_>, _>>();
    let (found, wanted) = (as_boxes(predicted)?, as_boxes(truth)?);
    let l1 = |a: &[f32; 4], b: &[f32; 4]| a.iter().zip(b).map(|(x, y)| f64::from((x - y).abs())).sum::<f64>();
    let cost = Array2::from_shape_fn(class_cost.dim(), |(q, t)| {
        weights.class * class_cost[[q, t]] + weights.l1 * l1(&predicted[q], &truth[t])
            - weights.giou * found[q].giou(&wanted[t])
    });
    Ok(linear_assignment(cost.view())?)
}

/// The rows of matched queries.
///
/// # Shapes
/// - `values`: `[batch, queries, width]`; output: `[matches, width]`
///
/// # Panics
/// On other shapes, and without matches.
pub fn pick_queries(values: Tensor<3>, matches: &[MatchedQuery]) -> Tensor<2> {
    let [batch, queries, width] = values.dims();
    let rows: Vec<i64> = matches.iter().map(|m| (m.batch * queries + m.query) as i64).collect();
    let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [matches.len()]), &values.device());
    values.reshape([batch * queries, width]).select(0, rows)
}
