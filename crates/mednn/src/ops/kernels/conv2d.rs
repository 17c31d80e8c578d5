//! Convolutions and their gradients.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use medkernels::convolution::{
    self, conv2d_channels_last, conv2d_input_gradient, conv2d_weight_gradient,
    depthwise_conv2d_channels_last, max_pool2d_channels_last,
};
use medkernels::gemm::Epilogue;

use super::activation;
use super::backend::{Geometry, Maybe, Tracked};
use super::buffer::Buffer;
use super::flex::{channels_first, channels_last, in_order, tensor, values};
use super::packed::KeptConv2d;
use crate::ops::activation::Activation;

/// What follows a convolution.
#[derive(Debug, Clone)]
pub(super) struct After {
    pub(super) activation: Option<Activation>,
    pub(super) residual: Option<FlexTensor>,
    pub(super) relu_last: bool,
}

fn axes(x: &FlexTensor) -> [usize; 4] {
    let shape = x.layout().shape();
    [shape[0], shape[1], shape[2], shape[3]]
}

fn sizes(x: &FlexTensor, weight: &FlexTensor, geometry: Geometry) -> convolution::Conv2d {
    let ([_, channels, height, width], [_, seen, kh, kw]) = (axes(x), axes(weight));
    assert_eq!(channels, seen, "channels of a convolution, in the values and in the weight");
    geometry.sizes(channels, [height, width], [kh, kw])
}

impl Geometry {
    const fn sizes(self, channels: usize, size: [usize; 2], kernel: [usize; 2]) -> convolution::Conv2d {
        let Self { stride, padding, dilation } = self;
        convolution::Conv2d { channels, size, kernel, stride, padding, dilation }
    }
}

/// The channels of the output lie as those of the input do.
pub(super) fn forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<FlexTensor>,
    geometry: Geometry,
    after: After,
) -> FlexTensor {
    let sizes = sizes(x, weight, geometry);
    let ([batch, ..], [outputs, ..], [height, width]) = (axes(x), axes(weight), sizes.output_size());
    if let Some(residual) = &after.residual {
        assert_eq!(
            axes(residual),
            [batch, outputs, height, width],
            "the residual and the output of a convolution"
        );
    }
    if let Some(x) = channels_last(x)
        && let Some(kept) = KeptConv2d::of(weight)
        && let Some(weight) = kept.get()
    {
        let (bias, residual) =
            (bias.map(in_order), after.residual.map(|r| in_order(r.permute(&[0, 2, 3, 1]))));
        let epilogue = Epilogue {
            bias: bias.as_ref().map(values),
            activation: after.activation.map(activation::kernel),
            residual: residual.as_ref().map(values),
            relu_last: after.relu_last,
            ..Epilogue::default()
        };
        let mut y = Buffer::new(batch * outputs * height * width);
        conv2d_channels_last(values(&x), weight, &sizes, &epilogue, y.values());
        return channels_first(&y.into_tensor([batch, height, width, outputs]));
    }
    let [x, weight] = [x, weight].map(|part| in_order(part.clone()));
    let (bias, residual) = (bias.map(in_order), after.residual.map(in_order));
    let epilogue = Epilogue {
        row_bias: bias.as_ref().map(values),
        activation: after.activation.map(activation::kernel),
        residual: residual.as_ref().map(values),
        relu_last: after.relu_last,
        ..Epilogue::default()
    };
    let mut y = Buffer::new(batch * outputs * height * width);
    convolution::conv2d(values(&x), values(&weight), &sizes, &epilogue, y.values());
    y.into_tensor([batch, outputs, height, width])
}

/// A depthwise convolution of an image, `[batch, rows, columns, channels]` in memory; the output lies likewise.
pub(super) fn depthwise(
    x: &FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    geometry: Geometry,
    activation: Option<Activation>,
) -> FlexTensor {
    let [batch, channels, height, width] = axes(x);
    let [outputs, one, kh, kw] = axes(&weight);
    assert_eq!([outputs, one], [channels, 1], "kernels of a depthwise convolution of {channels} channels");
    let sizes = geometry.sizes(channels, [height, width], [kh, kw]);
    let x = in_order(x.permute(&[0, 2, 3, 1]));
    let (weight, bias, [height, width]) = (in_order(weight), bias.map(in_order), sizes.output_size());
    let mut y = Buffer::new(batch * channels * height * width);
    let activation = activation.map(activation::kernel);
    let bias = bias.as_ref().map(values);
    depthwise_conv2d_channels_last(values(&x), values(&weight), bias, &sizes, activation, y.values());
    channels_first(&y.into_tensor([batch, height, width, channels]))
}

/// The largest values within windows of `kernel`, of an image `[batch, rows, columns, channels]` in memory; the output lies likewise.
pub(super) fn max_pool(x: &FlexTensor, kernel: [usize; 2], geometry: Geometry) -> FlexTensor {
    let [batch, channels, height, width] = axes(x);
    let sizes = geometry.sizes(channels, [height, width], kernel);
    let (x, [height, width]) = (in_order(x.permute(&[0, 2, 3, 1])), sizes.output_size());
    let mut y = Buffer::new(batch * channels * height * width);
    max_pool2d_channels_last(values(&x), &sizes, y.values());
    channels_first(&y.into_tensor([batch, height, width, channels]))
}

/// The same image, `[batch, rows, columns, channels]` in memory.
pub(super) fn with_channels_last(x: &FlexTensor) -> FlexTensor {
    channels_first(&in_order(x.permute(&[0, 2, 3, 1])))
}

/// What the gradients need.
#[derive(Debug, Clone)]
struct State {
    x: FlexTensor,
    weight: FlexTensor,
    has_bias: bool,
    has_residual: bool,
    geometry: Geometry,
    activation: Option<Activation>,
    /// What the last step, or the activation, was applied to.
    input: Option<FlexTensor>,
}

#[derive(Debug)]
struct Conv2d;

impl Backward<Flex, 4> for Conv2d {
    type State = State;

    fn backward(self, ops: Ops<State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node, residual_node] = ops.parents;
        let state = ops.state;
        let mut gradient = in_order(grads.consume::<Flex>(&ops.node));
        if let (Some(function), Some(input)) = (state.activation, &state.input) {
            gradient = activation::backward(input, &gradient, function);
        }
        if let (true, Some(node)) = (state.has_residual, residual_node) {
            grads.register::<Flex>(node.id, gradient.clone());
        }
        let sizes = sizes(&state.x, &state.weight, state.geometry);
        if let (true, Some(node)) = (state.has_bias, bias_node) {
            grads.register::<Flex>(node.id, channel_sums(&gradient));
        }
        if let Some(node) = weight_node {
            let mut to = Buffer::new(state.weight.layout().num_elements());
            conv2d_weight_gradient(values(&state.x), values(&gradient), &sizes, to.values());
            grads.register::<Flex>(node.id, to.into_tensor(axes(&state.weight)));
        }
        if let Some(node) = x_node {
            let mut to = Buffer::new(state.x.layout().num_elements());
            conv2d_input_gradient(values(&gradient), values(&state.weight), &sizes, to.values());
            grads.register::<Flex>(node.id, to.into_tensor(axes(&state.x)));
        }
    }
}

/// Sums over batch and pixels. In `f64`: there are hundreds of thousands of pixels.
fn channel_sums(gradient: &FlexTensor) -> FlexTensor {
    let [_, channels, height, width] = axes(gradient);
    let mut sums = vec![0.0_f64; channels];
    for (index, plane) in values(gradient).chunks_exact((height * width).max(1)).enumerate() {
        sums[index % channels] += plane.iter().map(|&x| f64::from(x)).sum::<f64>();
    }
    tensor(sums.into_iter().map(|sum| sum as f32).collect(), [channels])
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked,
    weight: Tracked,
    bias: Maybe<Autodiff<Flex, C>>,
    geometry: Geometry,
    activation: Option<Activation>,
    residual: Maybe<Autodiff<Flex, C>>,
    relu_last: bool,
) -> Tracked {
    // An absent part stands as the input a second time; its gradient is then not asked for.
    let part = |part: Maybe<Autodiff<Flex, C>>| match part.into_option() {
        Some(part) => {
            let (part, node) = part.into_parts();
            (Some(part), node)
        }
        None => (None, x.node()),
    };
    let ((bias, bias_node), (residual, residual_node)) = (part(bias), part(residual));
    let (weight, weight_node) = weight.into_parts();
    let (x, x_node) = x.into_parts();
    let nodes: [NodeGuard; 4] = [x_node, weight_node, bias_node, residual_node];
    // A function before a residual, and one after it, would need what both were applied to.
    assert!(activation.is_none() || residual.is_none(), "an activation before a residual");
    match Conv2d.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => {
            prep.finish(forward(&x, &weight, bias, geometry, After { activation, residual, relu_last }))
        }
        OpsKind::Tracked(prep) => {
            let [x, weight] = [x, weight].map(in_order);
            // Of the two places for a function only one is in use.
            let function = if relu_last { Some(Activation::Relu) } else { activation };
            let (has_bias, has_residual) = (bias.is_some(), residual.is_some());
            let after = After { activation: None, residual, relu_last: false };
            let plain = forward(&x, &weight, bias, geometry, after);
            let y = function.map(|function| activation::forward(&plain, function));
            let input = function.is_some().then(|| plain.clone());
            let state = State { x, weight, has_bias, has_residual, geometry, activation: function, input };
            prep.finish(state, y.unwrap_or(plain))
        }
    }
}
