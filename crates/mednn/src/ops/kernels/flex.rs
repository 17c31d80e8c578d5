//! Values in and out of `flex` tensors.

use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, TensorData};
use medkernels::gemm::Matrix;

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

/// A matrix of two axes, in whatever order its values lie; `None` where they lie backwards.
pub(super) fn matrix(x: &FlexTensor) -> Option<Matrix<'_>> {
    let layout = x.layout();
    let [rows, columns] = [layout.shape()[0], layout.shape()[1]];
    let [row, column] =
        [usize::try_from(layout.strides()[0]).ok()?, usize::try_from(layout.strides()[1]).ok()?];
    Some(Matrix::with_strides(&x.storage::<f32>()[layout.start_offset()..], [rows, columns], [row, column]))
}

/// The same values as `[batch, rows, columns, channels]`, where they lie in this order and not in that of the shape
/// `[batch, channels, rows, columns]`.
pub(super) fn channels_last(x: &FlexTensor) -> Option<FlexTensor> {
    if x.layout().num_dims() != 4 || x.is_contiguous() {
        return None;
    }
    let last = x.permute(&[0, 2, 3, 1]);
    last.is_contiguous().then_some(last)
}

/// Back from `[batch, rows, columns, channels]`, without moving a value.
pub(super) fn channels_first(x: &FlexTensor) -> FlexTensor {
    x.permute(&[0, 3, 1, 2])
}
