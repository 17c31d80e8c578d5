//! The operations on `flex` tensors, and their gradients, by the kernels of `medkernels`.

mod activation;
mod attention;
mod backend;
mod batch_norm;
mod buffer;
mod conv2d;
mod embedding;
mod flex;
mod layer_norm;
mod linear;
#[cfg(feature = "optim")]
pub(crate) mod optimizer;
mod packed;
mod pool;

use std::sync::{Arc, PoisonError};

use burn::backend::{Dispatch, DispatchDevice, Flex};
use burn::module::RunningState;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::tensor::{Bool, DType, Int, Tensor};
use medkernels::norm::BatchNormStatistics;

use super::activation::Activation;
use backend::{Geometry, KernelBackend, Maybe};
use batch_norm::Normalisation;

/// Whether the kernels can take this tensor.
pub(super) fn usable<const D: usize>(x: &Tensor<D>) -> bool {
    super::kernels_enabled() && x.dtype() == DType::F32 && is_flex(x.device().as_dispatch())
}

fn is_flex(device: &DispatchDevice) -> bool {
    match device {
        DispatchDevice::Flex(_) => true,
        DispatchDevice::Autodiff(device) => is_flex(&device.clone().inner()),
        #[allow(unreachable_patterns)] // where flex is the only backend compiled in
        _ => false,
    }
}

fn maybe<const D: usize>(x: Option<Tensor<D>>) -> Maybe<Dispatch> {
    x.map_or(Maybe::Nothing, |x| Maybe::Tensor(x.into_dispatch()))
}

pub(super) fn activate<const D: usize>(x: Tensor<D>, function: Activation) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::kernel_activate(x.into_dispatch(), function))
}

pub(super) fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Option<Activation>,
    scale: Option<Tensor<1>>,
    residual: Option<Tensor<D>>,
) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::kernel_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        maybe(bias),
        activation,
        maybe(scale),
        maybe(residual),
    ))
}

pub(super) fn embedding(table: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::kernel_embedding(table.into_dispatch(), ids.into_dispatch()))
}

pub(super) fn attention(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    mask: Option<Tensor<4, Bool>>,
) -> Tensor<4> {
    let [q, k, v] = [query, key, value].map(Tensor::into_dispatch);
    Tensor::from_dispatch(match mask {
        Some(mask) => Dispatch::kernel_masked_attention(q, k, v, mask.into_dispatch()),
        None => Dispatch::kernel_attention(q, k, v),
    })
}

/// Whether the kernels know such a convolution.
pub(super) fn convolves(layer: &Conv2d) -> bool {
    layer.groups == 1 && padding(&layer.padding).is_some()
}

/// Whether they know such a depthwise convolution.
pub(super) fn convolves_depthwise(layer: &Conv2d) -> bool {
    let [outputs, one, ..] = layer.weight.dims();
    layer.groups == outputs && one == 1 && padding(&layer.padding).is_some()
}

/// Whether they know such a pooling.
pub(super) fn pools(layer: &MaxPool2d) -> bool {
    !layer.ceil_mode && padding(&layer.padding).is_some()
}

/// Zeros before and after each axis, where these are as many.
fn padding(config: &PaddingConfig2d) -> Option<[usize; 2]> {
    match *config {
        PaddingConfig2d::Valid => Some([0, 0]),
        PaddingConfig2d::Explicit(top, left, bottom, right) if top == bottom && left == right => {
            Some([top, left])
        }
        _ => None,
    }
}

pub(super) fn conv2d(
    x: Tensor<4>,
    layer: &Conv2d,
    activation: Option<Activation>,
    residual: Option<Tensor<4>>,
    relu_last: bool,
) -> Tensor<4> {
    let geometry = geometry(layer);
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    Tensor::from_dispatch(Dispatch::kernel_conv2d(
        x.into_dispatch(),
        layer.weight.val().into_dispatch(),
        maybe(bias),
        geometry,
        activation,
        maybe(residual),
        relu_last,
    ))
}

fn geometry(layer: &Conv2d) -> Geometry {
    Geometry {
        stride: layer.stride,
        padding: padding(&layer.padding).unwrap_or_default(),
        dilation: layer.dilation,
    }
}

pub(super) fn depthwise_conv2d(x: Tensor<4>, layer: &Conv2d, activation: Option<Activation>) -> Tensor<4> {
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    Tensor::from_dispatch(Dispatch::kernel_depthwise_conv2d(
        x.into_dispatch(),
        layer.weight.val().into_dispatch(),
        maybe(bias),
        geometry(layer),
        activation,
    ))
}

pub(super) fn max_pool2d(x: Tensor<4>, layer: &MaxPool2d) -> Tensor<4> {
    let geometry = Geometry {
        stride: layer.stride,
        padding: padding(&layer.padding).unwrap_or_default(),
        dilation: layer.dilation,
    };
    Tensor::from_dispatch(Dispatch::kernel_max_pool2d(x.into_dispatch(), layer.kernel_size, geometry))
}

pub(super) fn channels_last(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::kernel_channels_last(x.into_dispatch()))
}

pub(super) fn keep_packed<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::kernel_keep_packed(weight.into_dispatch()))
}

pub(super) fn keep_int8(weight: Tensor<2>) -> Option<Tensor<2>> {
    packed::keep_int8(weight.try_into_primitive::<Flex>().ok()?).map(Tensor::from_primitive::<Flex>)
}

pub(super) fn int8_transposed<const D: usize>(values: &[f32], shape: [usize; 2]) -> Option<Tensor<D>> {
    packed::int8_transposed(values, shape).map(Tensor::from_primitive::<Flex>)
}

pub(super) fn packed_transposed<const D: usize>(values: &[f32], shape: [usize; 2]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(packed::transposed(values, shape))
}

pub(super) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Option<Tensor<1>>,
    epsilon: f64,
) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::kernel_layer_norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        maybe(beta),
        epsilon as f32,
    ))
}

/// Normalises by the batch, and updates the running statistics.
pub(super) fn batch_norm(
    x: Tensor<4>,
    norm: &BatchNorm,
    residual: Option<Tensor<4>>,
    relu: bool,
) -> Tensor<4> {
    let device = x.device();
    let how = Normalisation { epsilon: norm.epsilon as f32, relu, found: Arc::default() };
    let found = Arc::clone(&how.found);
    let y = Tensor::from_dispatch(Dispatch::kernel_batch_norm(
        x.into_dispatch(),
        norm.gamma.val().into_dispatch(),
        norm.beta.val().into_dispatch(),
        maybe(residual),
        how,
    ));
    let BatchNormStatistics { mean, variance } =
        std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    let update = |running: &RunningState<Tensor<1>>, found: Vec<f32>| {
        let found = Tensor::<1>::from_data(found.as_slice(), &device);
        let old = running.value_sync().to_device(&device);
        running.update((old * (1.0 - norm.momentum) + found * norm.momentum).detach());
    };
    update(&norm.running_mean, mean);
    update(&norm.running_var, variance);
    y
}
