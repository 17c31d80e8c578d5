//! Activations and their gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::{Flex, FlexTensor};

use super::backend::Tracked;
use super::buffer::Buffer;
use super::flex::{in_order, values};
use crate::ops::activation::Activation;

pub(super) const fn kernel(function: Activation) -> medkernels::Activation {
    match function {
        Activation::Gelu => medkernels::Activation::Gelu,
        Activation::Silu => medkernels::Activation::Silu,
        Activation::Relu => medkernels::Activation::Relu,
    }
}

pub(super) fn forward(x: &FlexTensor, function: Activation) -> FlexTensor {
    let x = in_order(x.clone());
    let mut y = Buffer::new(x.layout().num_elements());
    kernel(function).forward(values(&x), y.values());
    y.into_tensor(x.layout().shape().clone())
}

/// The gradient of the input, from the input and the gradient of the output.
pub(super) fn backward(x: &FlexTensor, gradient: &FlexTensor, function: Activation) -> FlexTensor {
    let (x, gradient) = (in_order(x.clone()), in_order(gradient.clone()));
    let mut to = Buffer::new(x.layout().num_elements());
    kernel(function).backward(values(&x), values(&gradient), to.values());
    to.into_tensor(x.layout().shape().clone())
}

#[derive(Debug)]
struct Activate;

impl Backward<Flex, 1> for Activate {
    type State = (FlexTensor, Activation);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, function) = ops.state;
        unary::<Flex, _>(ops.parents, ops.node, grads, |gradient| backward(&x, &gradient, function));
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(x: Tracked, function: Activation) -> Tracked {
    let (x, node) = x.into_parts();
    let y = forward(&x, function);
    match Activate.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((x, function), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}
