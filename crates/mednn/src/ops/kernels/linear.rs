//! Linear layers with what follows them, and their gradients.

use std::sync::Arc;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use medkernels::gemm::{Epilogue, Matrix, gemm, gemm_packed};
use medkernels::int8::gemm_int8;
use medkernels::norm::layer_scale;
use medkernels::reduce::{column_dot_products, column_sums};

use super::activation;
use super::backend::{Maybe, Tracked};
use super::buffer::Buffer;
use super::flex::{in_order, matrix, rows_and_width, tensor, values};
use super::packed::{Packed, find};
use crate::ops::activation::Activation;

/// `residual + scale * activation(x W + b)`, with the weight as it is kept, if it is.
pub(super) fn forward(
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    activation: Option<Activation>,
    scale: Option<FlexTensor>,
    residual: Option<FlexTensor>,
    kept: Option<Arc<Packed>>,
) -> FlexTensor {
    let x = in_order(x);
    let (rows, inputs) = rows_and_width(&x);
    let outputs = weight.layout().shape()[1];
    assert_eq!(
        weight.layout().shape()[0],
        inputs,
        "inputs of a linear layer, in the weight and in the values"
    );
    let mut shape = x.layout().shape().clone();
    let last = shape.num_dims() - 1;
    shape[last] = outputs;
    if let Some(residual) = &residual {
        assert_eq!(residual.layout().shape(), &shape, "the residual and the output of a linear layer");
    }
    let [bias, scale, residual] = [bias, scale, residual].map(|part| part.map(in_order));
    let epilogue = Epilogue {
        bias: bias.as_ref().map(values),
        activation: activation.map(activation::kernel),
        scale: scale.as_ref().map(values),
        residual: residual.as_ref().map(values),
        ..Epilogue::default()
    };
    let mut y = Buffer::new(rows * outputs);
    let x = Matrix::new(values(&x), rows, inputs);
    match kept.as_deref() {
        Some(Packed::Matrix(weight)) => gemm_packed(x, weight, &epilogue, y.values()),
        Some(Packed::Int8(weight)) => gemm_int8(x, weight, &epilogue, y.values()),
        Some(Packed::Conv2d(_)) | None => match matrix(&weight) {
            Some(weight) => gemm(x, weight, &epilogue, y.values()),
            None => {
                let weight = in_order(weight);
                gemm(x, Matrix::new(values(&weight), inputs, outputs), &epilogue, y.values());
            }
        },
    }
    y.into_tensor(shape)
}

/// What the gradients need.
#[derive(Debug, Clone)]
struct State {
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    activation: Option<Activation>,
    scale: Option<FlexTensor>,
    has_residual: bool,
    /// `x W + b`, where an activation follows.
    product: Option<FlexTensor>,
}

#[derive(Debug)]
struct Linear;

impl Backward<Flex, 5> for Linear {
    type State = State;

    fn backward(self, ops: Ops<State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node, scale_node, residual_node] = ops.parents;
        let state = ops.state;
        let mut gradient = in_order(grads.consume::<Flex>(&ops.node));
        if let (true, Some(node)) = (state.has_residual, residual_node) {
            grads.register::<Flex>(node.id, gradient.clone());
        }
        if let (Some(function), Some(product)) = (state.activation, &state.product) {
            gradient = activation::backward(product, &gradient, function);
        }
        let scale = state.scale.as_ref();
        let sums = (state.bias.is_some() && (bias_node.is_some() || scale_node.is_some()))
            .then(|| sums_of_columns(&gradient));
        if let (Some(sums), Some(node)) = (&sums, bias_node) {
            grads.register::<Flex>(node.id, scaled(sums, scale));
        }
        if weight_node.is_some() || (scale.is_some() && scale_node.is_some()) {
            let weight = weight_gradient(&state.x, &gradient);
            if let (Some(_), Some(node)) = (scale, scale_node) {
                grads.register::<Flex>(node.id, scale_gradient(&state, &weight, sums.as_ref()));
            }
            if let Some(node) = weight_node {
                grads.register::<Flex>(node.id, scaled(&weight, scale));
            }
        }
        if let Some(node) = x_node {
            // The scale goes into the weight, which is smaller than the gradient.
            let weight = scaled(&state.weight, scale);
            grads.register::<Flex>(node.id, input_gradient(&weight, &gradient, &state.x));
        }
    }
}

/// The gradient of the scale: the sum over rows of `g * (x W + b)`. It is the sum over inputs of `W * xᵀ g`, and `b` times the sum over rows of
/// `g`, so that the product need not be kept.
fn scale_gradient(state: &State, weight_gradient: &FlexTensor, sums: Option<&FlexTensor>) -> FlexTensor {
    let (_, outputs) = rows_and_width(weight_gradient);
    let mut to = vec![0.0; outputs];
    column_dot_products(values(&state.weight), values(weight_gradient), &mut to);
    if let (Some(bias), Some(sums)) = (&state.bias, sums) {
        let terms = values(bias).iter().zip(values(sums));
        to.iter_mut().zip(terms).for_each(|(to, (b, sum))| *to += b * sum);
    }
    tensor(to, [outputs])
}

fn sums_of_columns(gradient: &FlexTensor) -> FlexTensor {
    let (_, outputs) = rows_and_width(gradient);
    let mut sums = vec![0.0; outputs];
    column_sums(values(gradient), &mut sums);
    tensor(sums, [outputs])
}

/// `xᵀ g`
fn weight_gradient(x: &FlexTensor, gradient: &FlexTensor) -> FlexTensor {
    let (rows, inputs) = rows_and_width(x);
    let (_, outputs) = rows_and_width(gradient);
    let mut to = Buffer::new(inputs * outputs);
    let x = Matrix::new(values(x), rows, inputs).transposed();
    gemm(x, Matrix::new(values(gradient), rows, outputs), &Epilogue::default(), to.values());
    to.into_tensor([inputs, outputs])
}

/// `g Wᵀ`
fn input_gradient(weight: &FlexTensor, gradient: &FlexTensor, x: &FlexTensor) -> FlexTensor {
    let (rows, outputs) = rows_and_width(gradient);
    let mut to = Buffer::new(x.layout().num_elements());
    let weight = in_order(weight.clone());
    let weight = Matrix::new(values(&weight), weight.layout().shape()[0], outputs);
    let gradient = Matrix::new(values(gradient), rows, outputs);
    gemm(gradient, weight.transposed(), &Epilogue::default(), to.values());
    to.into_tensor(x.layout().shape().clone())
}

/// Every row times the scale, where there is one.
fn scaled(x: &FlexTensor, scale: Option<&FlexTensor>) -> FlexTensor {
    let Some(scale) = scale else { return x.clone() };
    let mut y = Buffer::new(x.layout().num_elements());
    layer_scale(values(x), values(scale), y.values());
    y.into_tensor(x.layout().shape().clone())
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked,
    weight: Tracked,
    bias: Maybe<Autodiff<Flex, C>>,
    activation: Option<Activation>,
    scale: Maybe<Autodiff<Flex, C>>,
    residual: Maybe<Autodiff<Flex, C>>,
) -> Tracked {
    // An absent part stands as the input a second time; its gradient is then not asked for.
    let part = |part: Maybe<Autodiff<Flex, C>>| match part.into_option() {
        Some(part) => {
            let (part, node) = part.into_parts();
            (Some(part), node)
        }
        None => (None, x.node()),
    };
    let ((bias, bias_node), (scale, scale_node), (residual, residual_node)) =
        (part(bias), part(scale), part(residual));
    let (weight, weight_node) = weight.into_parts();
    let (x, x_node) = x.into_parts();
    let nodes: [NodeGuard; 5] = [x_node, weight_node, bias_node, scale_node, residual_node];
    match Linear.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => {
            // Not in 8 bits: that nothing before a layer is trained changes no value.
            let kept = find(&weight).filter(|kept| !matches!(**kept, Packed::Int8(_)));
            prep.finish(forward(x, weight, bias, activation, scale, residual, kept))
        }
        OpsKind::Tracked(prep) => {
            let [x, weight] = [x, weight].map(in_order);
            let [bias, scale] = [bias, scale].map(|part| part.map(in_order));
            let mut state = State {
                x: x.clone(),
                weight: weight.clone(),
                bias: bias.clone(),
                activation,
                scale: scale.clone(),
                has_residual: residual.is_some(),
                product: None,
            };
            let Some(function) = activation else {
                return prep.finish(state, forward(x, weight, bias, None, scale, residual, None));
            };
            // Nothing in this workspace has an activation before a scale or a residual.
            assert!(scale.is_none() && residual.is_none(), "an activation before a scale or a residual");
            let product = forward(x, weight, bias, None, None, None, None);
            let y = activation::forward(&product, function);
            state.product = Some(product);
            prep.finish(state, y)
        }
    }
}
