//! L1 and generalised IoU of pairs of boxes.

use burn::tensor::Tensor;

/// From centre, width and height to corners.
///
/// # Shapes
/// - `boxes` and output: `[count, 4]`
///
/// # Panics
/// On other shapes.
pub fn corners(boxes: Tensor<2>) -> Tensor<2> {
    let centre = boxes.clone().narrow(1, 0, 2);
    let half = boxes.narrow(1, 2, 2) * 0.5;
    Tensor::cat(vec![centre.clone() - half.clone(), centre + half], 1)
}

/// Generalised IoU of each pair, -1 to 1 (Rezatofighi et al., CVPR 2019), of boxes as corners; differentiable.
///
/// # Shapes
/// - `a`, `b`: `[count, 4]`; output: `[count]`
///
/// # Panics
/// On other shapes.
pub fn generalized_iou(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    let count = a.dims()[0];
    let (a_low, a_high) = (a.clone().narrow(1, 0, 2), a.narrow(1, 2, 2));
    let (b_low, b_high) = (b.clone().narrow(1, 0, 2), b.narrow(1, 2, 2));
    let area = |low: Tensor<2>, high: Tensor<2>| {
        let sides = (high - low).clamp_min(0.0);
        sides.clone().narrow(1, 0, 1) * sides.narrow(1, 1, 1)
    };
    let shared = area(a_low.clone().max_pair(b_low.clone()), a_high.clone().min_pair(b_high.clone()));
    let hull = area(a_low.clone().min_pair(b_low.clone()), a_high.clone().max_pair(b_high.clone()));
    let union = area(a_low, a_high) + area(b_low, b_high) - shared.clone();
    // Degenerate boxes divide by next to nothing instead of by nothing.
    let (union, hull) = (union.clamp_min(1e-9), hull.clamp_min(1e-9));
    (shared / union.clone() - (hull.clone() - union) / hull).reshape([count])
}

/// The L1 distance, summed over the four numbers, and `1 - GIoU` of each pair.
///
/// # Shapes
/// - `predicted`, `truth`: `[count, 4]`, centre, width and height; outputs: `[count]`
///
/// # Panics
/// On other shapes.
pub fn box_losses(predicted: Tensor<2>, truth: Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let count = predicted.dims()[0];
    let l1 = (predicted.clone() - truth.clone()).abs().sum_dim(1).reshape([count]);
    let giou = generalized_iou(corners(predicted), corners(truth));
    (l1, giou * -1.0 + 1.0)
}
