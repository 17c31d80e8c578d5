//! Values in and out of `flex` tensors.

use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, TensorData};

/// A tensor whose values lie in order.
pub(super) fn in_order(x: FlexTensor) -> FlexTensor {
    if x.is_contiguous() { x } else { x.to_contiguous() }
}

/// The values of a tensor that [`in_order`] returned.
pub(super) fn values(x: &FlexTensor) -> &[f32] {
    let start = x.layout().start_offset();
    &x.storage::<f32>()[start..start + x.layout().num_elements()]
}

pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// All of a shape but its last axis, and that.
pub(super) fn rows_and_width(x: &FlexTensor) -> (usize, usize) {
    let shape = x.layout().shape();
    let width = shape.iter().last().copied().unwrap_or(1);
    (x.layout().num_elements().checked_div(width).unwrap_or(0), width)
}
