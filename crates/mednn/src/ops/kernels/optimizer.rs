//! Steps of optimisers, in the memory of what they change.

use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;
use medkernels::optimizer::{AdamW, Sgd};

use super::buffer::Buffer;
use super::flex::{in_order, values};

#[backend_extension(Flex)]
trait OptimizerBackend: Backend {
    /// The parameter and its moments after a step.
    fn kernel_adamw(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        settings: AdamW,
        number: u32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The parameter and its velocity after a step.
    fn kernel_sgd(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        settings: Sgd,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl OptimizerBackend for Flex {
    fn kernel_adamw(
        parameter: FlexTensor,
        gradient: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        settings: AdamW,
        number: u32,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let gradient = in_order(gradient);
        let [mut parameter, mut first, mut second] = [parameter, first, second].map(own);
        settings.step(
            number,
            values(&gradient),
            values_mut(&mut parameter),
            values_mut(&mut first),
            values_mut(&mut second),
        );
        (parameter, first, second)
    }

    fn kernel_sgd(
        parameter: FlexTensor,
        gradient: FlexTensor,
        velocity: FlexTensor,
        settings: Sgd,
    ) -> (FlexTensor, FlexTensor) {
        let gradient = in_order(gradient);
        let [mut parameter, mut velocity] = [parameter, velocity].map(own);
        settings.step(values(&gradient), values_mut(&mut parameter), values_mut(&mut velocity));
        (parameter, velocity)
    }
}

/// The tensor itself where nobody else has its values and they lie in order, else a copy.
fn own(x: FlexTensor) -> FlexTensor {
    if x.is_unique() && x.is_contiguous() {
        return x;
    }
    let x = in_order(x);
    let mut copy = Buffer::new(x.layout().num_elements());
    copy.values().copy_from_slice(values(&x));
    copy.into_tensor(x.layout().shape().clone())
}

/// The values of a tensor that [`own`] returned.
fn values_mut(x: &mut FlexTensor) -> &mut [f32] {
    let (start, length) = (x.layout().start_offset(), x.layout().num_elements());
    &mut x.storage_mut::<f32>()[start..start + length]
}

/// Whether the kernels can make a step with these tensors.
pub(crate) fn takes<const D: usize>(tensors: &[Tensor<D>]) -> bool {
    tensors.iter().all(|x| super::usable(x) && !x.is_autodiff())
}

/// A step of AdamW with tensors that the kernels [take](takes): parameter, gradient and moments to parameter and moments.
pub(crate) fn adamw<const D: usize>(tensors: [Tensor<D>; 4], settings: AdamW, number: u32) -> [Tensor<D>; 3] {
    let [parameter, gradient, first, second] = tensors.map(Tensor::into_dispatch);
    let (parameter, first, second) =
        Dispatch::kernel_adamw(parameter, gradient, first, second, settings, number);
    [parameter, first, second].map(Tensor::from_dispatch)
}

/// A step of gradient descent with momentum with such tensors: parameter, gradient and velocity to parameter and velocity.
pub(crate) fn sgd<const D: usize>(tensors: [Tensor<D>; 3], settings: Sgd) -> [Tensor<D>; 2] {
    let [parameter, gradient, velocity] = tensors.map(Tensor::into_dispatch);
    let (parameter, velocity) = Dispatch::kernel_sgd(parameter, gradient, velocity, settings);
    [parameter, velocity].map(Tensor::from_dispatch)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    const ADAMW: AdamW = AdamW { rate: 0.1, betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: 0.0 };

    fn tensor(value: f32) -> FlexTensor {
        FlexTensor::from_data(TensorData::new(vec![value; 12], [3, 4]))
    }

    fn place(x: &FlexTensor) -> *const f32 {
        values(x).as_ptr()
    }

    #[test]
    fn what_nobody_else_has_is_changed_where_it_is() {
        let tensors = [tensor(1.0), tensor(0.0), tensor(0.0)];
        let places = tensors.each_ref().map(place);
        let [parameter, first, second] = tensors;
        let (parameter, first, second) = Flex::kernel_adamw(parameter, tensor(2.0), first, second, ADAMW, 1);
        assert_eq!([&parameter, &first, &second].map(place), places);
        assert!(values(&parameter).iter().all(|value| (value - 0.9).abs() < 1e-6));
    }

    #[test]
    fn what_others_have_stays_for_them() {
        let (parameter, velocity) = (tensor(1.0), tensor(0.0));
        let other = parameter.clone();
        let sgd = Sgd { rate: 0.5, momentum: 0.9, dampening: 0.0, nesterov: false, weight_decay: 0.0 };
        let (stepped, _) = Flex::kernel_sgd(parameter, tensor(1.0), velocity, sgd);
        assert_eq!((values(&other)[11], values(&stepped)[11]), (1.0, 0.5));
        // Part of a larger tensor, and one whose values lie in another order.
        let part =
            FlexTensor::from_data(TensorData::new((0..24).map(|v| v as f32).collect::<Vec<_>>(), [6, 4]));
        let gradient = tensor(1.0).reshape([4, 3].into()).transpose(0, 1);
        let (stepped, _) = Flex::kernel_sgd(part.narrow(0, 3, 3), gradient, tensor(0.0), sgd);
        assert_eq!(values(&stepped), (12..24).map(|v| v as f32 - 0.5).collect::<Vec<_>>());
        assert_eq!(values(&part)[12], 12.0);
    }
}
