//! Weights in memory as products read them.

use burn::tensor::{Device, Tensor};

/// The weight of a linear layer `[inputs, outputs]` or of a convolution `[outputs, channels, height, width]`, kept in memory as the products of
/// [`linear`](super::linear) and [`conv2d`](super::conv2d) read it, so that no pass has to pack it.
///
/// The values are the same, for every operation: those that want them in order get them, from a second copy that is made when it is first
/// asked for. A tensor that the kernels do not take, or that is on a device with autodiff, is returned as it is. Weights that are read by
/// [`weights::load`](crate::weights::load) are kept like this already.
pub fn keep_packed<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "kernels")]
    if super::kernels_infer(&weight) {
        return super::kernels::keep_packed(weight);
    }
    weight
}

/// The weight of a linear layer `[inputs, outputs]`, rounded to 8 bits and kept in memory as that: [`linear`](super::linear) then multiplies in 8 bits.
///
/// How it is rounded, and the rows that it is multiplied with, is said at [`mednn::int8`](crate::int8). Every other operation, and training, sees the rounded values, in a second copy that is made when it is first asked for
/// and takes the memory of `f32`. None where
/// the kernels do not take it: on other devices, on those with autodiff, with values of other types, and for weights that are small or have more than
/// 65,536 inputs.
pub fn keep_int8(weight: Tensor<2>) -> Option<Tensor<2>> {
    #[cfg(feature = "kernels")]
    if super::kernels_infer(&weight) {
        return super::kernels::keep_int8(weight);
    }
    let _ = weight;
    None
}

/// [`keep_packed`] of the transpose of `values`, which are `[rows, columns]`; none where the kernels do not take it.
pub(crate) fn packed_transposed<const D: usize>(
    values: &[f32],
    [rows, columns]: [usize; 2],
    device: &Device,
) -> Option<Tensor<D>> {
    #[cfg(feature = "kernels")]
    if super::kernels_infer(&Tensor::<1>::empty([0], device)) {
        return Some(super::kernels::packed_transposed(values, [rows, columns]));
    }
    let _ = (values, rows, columns, device);
    None
}

/// [`keep_int8`] of the transpose of `values`, which are `[rows, columns]`.
pub(crate) fn int8_transposed<const D: usize>(
    values: &[f32],
    [rows, columns]: [usize; 2],
    device: &Device,
) -> Option<Tensor<D>> {
    #[cfg(feature = "kernels")]
    if super::kernels_infer(&Tensor::<1>::empty([0], device)) {
        return super::kernels::int8_transposed(values, [rows, columns]);
    }
    let _ = (values, rows, columns, device);
    None
}
