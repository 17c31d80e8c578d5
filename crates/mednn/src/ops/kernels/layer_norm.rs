//! Layer normalisation and its gradients.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use medkernels::norm::{LayerNorm as Kernel, LayerNormStatistics};

use super::backend::{Maybe, Tracked};
use super::buffer::Buffer;
use super::flex::{in_order, tensor, values};

fn kernel<'a>(gamma: &'a FlexTensor, beta: Option<&'a FlexTensor>, epsilon: f32) -> Kernel<'a> {
    Kernel { gamma: values(gamma), beta: beta.map(values), epsilon }
}

pub(super) fn forward(
    x: &FlexTensor,
    gamma: FlexTensor,
    beta: Option<FlexTensor>,
    epsilon: f32,
) -> FlexTensor {
    let (x, gamma, beta) = (in_order(x.clone()), in_order(gamma), beta.map(in_order));
    let mut y = Buffer::new(x.layout().num_elements());
    kernel(&gamma, beta.as_ref(), epsilon).forward(values(&x), y.values());
    y.into_tensor(x.layout().shape().clone())
}

/// What the gradients need.
#[derive(Debug, Clone)]
struct State {
    x: FlexTensor,
    gamma: FlexTensor,
    has_beta: bool,
    epsilon: f32,
    statistics: LayerNormStatistics,
}

#[derive(Debug)]
struct LayerNorm;

impl Backward<Flex, 3> for LayerNorm {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, gamma_node, beta_node] = ops.parents;
        let state = ops.state;
        let gradient = in_order(grads.consume::<Flex>(&ops.node));
        let mut to = Buffer::new(state.x.layout().num_elements());
        let kernel = kernel(&state.gamma, None, state.epsilon);
        let sums = kernel.backward(values(&state.x), &state.statistics, values(&gradient), to.values());
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, to.into_tensor(state.x.layout().shape().clone()));
        }
        let width = sums.gamma.len();
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, tensor(sums.gamma, [width]));
        }
        if let (true, Some(node)) = (state.has_beta, beta_node) {
            grads.register::<Flex>(node.id, tensor(sums.beta, [width]));
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked,
    gamma: Tracked,
    beta: Maybe<Autodiff<Flex, C>>,
    epsilon: f32,
) -> Tracked {
    // An absent summand stands as the input a second time; its gradient is then not asked for.
    let (beta, beta_node) = match beta.into_option() {
        Some(beta) => {
            let (beta, node) = beta.into_parts();
            (Some(beta), node)
        }
        None => (None, x.node()),
    };
    let (gamma, gamma_node) = gamma.into_parts();
    let (x, x_node) = x.into_parts();
    match LayerNorm.prepare::<C>([x_node, gamma_node, beta_node]).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => prep.finish(forward(&x, gamma, beta, epsilon)),
        OpsKind::Tracked(prep) => {
            let (x, gamma, beta) = (in_order(x), in_order(gamma), beta.map(in_order));
            let mut y = Buffer::new(x.layout().num_elements());
            let norm = kernel(&gamma, beta.as_ref(), epsilon);
            let statistics = norm.forward_with_statistics(values(&x), y.values());
            let y = y.into_tensor(x.layout().shape().clone());
            prep.finish(State { x, gamma, has_beta: beta.is_some(), epsilon, statistics }, y)
        }
    }
}
