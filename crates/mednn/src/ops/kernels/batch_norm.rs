//! Batch normalisation in training and its gradients.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use medkernels::norm::{BatchNorm as Kernel, BatchNormStatistics};

use super::backend::{Maybe, Tracked};
use super::buffer::Buffer;
use super::flex::{in_order, tensor, values};

/// How a batch is normalised; mean and variance of its channels are left in `found`.
#[derive(Debug, Clone)]
pub(super) struct Normalisation {
    pub(super) epsilon: f32,
    pub(super) relu: bool,
    pub(super) found: Arc<Mutex<BatchNormStatistics>>,
}

impl Normalisation {
    fn kernel<'a>(&self, x: &FlexTensor, gamma: &'a FlexTensor) -> Kernel<'a> {
        let shape = x.layout().shape();
        Kernel { gamma: values(gamma), epsilon: self.epsilon, pixels: shape[2] * shape[3], relu: self.relu }
    }
}

/// All parts have their values in order.
fn normalise(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    residual: Option<&FlexTensor>,
    how: &Normalisation,
) -> FlexTensor {
    let shape = x.layout().shape().clone();
    if let Some(residual) = residual {
        assert_eq!(residual.layout().shape(), &shape, "the residual and the output of a batch norm");
    }
    assert_eq!(shape[1], gamma.layout().num_elements(), "channels of a batch norm");
    let mut y = Buffer::new(x.layout().num_elements());
    let found = how.kernel(x, gamma).forward(values(x), values(beta), residual.map(values), y.values());
    *how.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    y.into_tensor(shape)
}

pub(super) fn forward(
    x: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    residual: Option<FlexTensor>,
    how: &Normalisation,
) -> FlexTensor {
    let [x, gamma, beta] = [x, gamma, beta].map(in_order);
    normalise(&x, &gamma, &beta, residual.map(in_order).as_ref(), how)
}

/// What the gradients need.
#[derive(Debug, Clone)]
struct State {
    x: FlexTensor,
    gamma: FlexTensor,
    /// Where ReLU followed.
    y: Option<FlexTensor>,
    has_residual: bool,
    how: Normalisation,
    found: BatchNormStatistics,
}

#[derive(Debug)]
struct BatchNorm;

impl Backward<Flex, 4> for BatchNorm {
    type State = State;

    fn backward(self, ops: Ops<State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, gamma_node, beta_node, residual_node] = ops.parents;
        let state = ops.state;
        let gradient = in_order(grads.consume::<Flex>(&ops.node));
        let shape = state.x.layout().shape().clone();
        let length = state.x.layout().num_elements();
        let residual_node = residual_node.filter(|_| state.has_residual);
        let mut to = Buffer::new(length);
        // Without ReLU it is the gradient as it came.
        let mut masked = (residual_node.is_some() && state.y.is_some()).then(|| Buffer::new(length));
        let sums = state.how.kernel(&state.x, &state.gamma).backward(
            values(&state.x),
            state.y.as_ref().map_or(&[], values),
            &state.found,
            values(&gradient),
            to.values(),
            masked.as_mut().map(Buffer::values),
        );
        if let Some(node) = residual_node {
            let masked = masked.map_or(gradient, |masked| masked.into_tensor(shape.clone()));
            grads.register::<Flex>(node.id, masked);
        }
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, to.into_tensor(shape));
        }
        let channels = sums.gamma.len();
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, tensor(sums.gamma, [channels]));
        }
        if let Some(node) = beta_node {
            grads.register::<Flex>(node.id, tensor(sums.beta, [channels]));
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked,
    gamma: Tracked,
    beta: Tracked,
    residual: Maybe<Autodiff<Flex, C>>,
    how: Normalisation,
) -> Tracked {
    // An absent residual stands as the input a second time; its gradient is then not asked for.
    let (residual, residual_node) = match residual.into_option() {
        Some(residual) => {
            let (residual, node) = residual.into_parts();
            (Some(residual), node)
        }
        None => (None, x.node()),
    };
    let (gamma, gamma_node) = gamma.into_parts();
    let (beta, beta_node) = beta.into_parts();
    let (x, x_node) = x.into_parts();
    let nodes = [x_node, gamma_node, beta_node, residual_node];
    match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => prep.finish(forward(x, gamma, beta, residual, &how)),
        OpsKind::Tracked(prep) => {
            let [x, gamma, beta] = [x, gamma, beta].map(in_order);
            let residual = residual.map(in_order);
            let y = normalise(&x, &gamma, &beta, residual.as_ref(), &how);
            let found = how.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let kept = how.relu.then(|| y.clone());
            let state = State { x, gamma, y: kept, has_residual: residual.is_some(), how, found };
            prep.finish(state, y)
        }
    }
}
