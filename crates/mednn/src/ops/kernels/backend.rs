//! The operations as an extension of burn's backends.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, ExtensionType, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::ConvOptions;

use super::batch_norm::Normalisation;
use crate::ops::activation::Activation;

/// A tensor that may be absent.
#[derive(ExtensionType)]
pub(super) enum Maybe<B: Backend> {
    Tensor(FloatTensor<B>),
    Nothing,
}

impl<B: Backend> Maybe<B> {
    pub(super) fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Tensor(tensor) => Some(tensor),
            Self::Nothing => None,
        }
    }
}

/// Steps and zeros of a convolution, in rows and columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
}

/// A `flex` tensor under autodiff.
pub(super) type Tracked = FloatTensor<Autodiff<Flex>>;

/// Shapes and meaning are those of the functions of [`crate::ops`].
#[backend_extension(Flex, Autodiff)]
pub(super) trait KernelBackend: Backend {
    fn kernel_activate(x: FloatTensor<Self>, function: Activation) -> FloatTensor<Self>;

    fn kernel_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        activation: Option<Activation>,
        #[extension_type] scale: Maybe<Self>,
        #[extension_type] residual: Maybe<Self>,
    ) -> FloatTensor<Self>;

    fn kernel_embedding(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self>;

    fn kernel_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn kernel_masked_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: BoolTensor<Self>,
    ) -> FloatTensor<Self>;

    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        geometry: Geometry,
        activation: Option<Activation>,
        #[extension_type] residual: Maybe<Self>,
        relu_last: bool,
    ) -> FloatTensor<Self>;

    fn kernel_depthwise_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        geometry: Geometry,
        activation: Option<Activation>,
    ) -> FloatTensor<Self>;

    fn kernel_max_pool2d(x: FloatTensor<Self>, kernel: [usize; 2], geometry: Geometry) -> FloatTensor<Self>;

    /// The same values, with the channels of a pixel next to each other in memory.
    fn kernel_channels_last(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The same values, in memory as products read them.
    fn kernel_keep_packed(weight: FloatTensor<Self>) -> FloatTensor<Self>;

    fn kernel_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        #[extension_type] beta: Maybe<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    fn kernel_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        #[extension_type] residual: Maybe<Self>,
        how: Normalisation,
    ) -> FloatTensor<Self>;
}

impl KernelBackend for Flex {
    fn kernel_activate(x: FloatTensor<Self>, function: Activation) -> FloatTensor<Self> {
        super::activation::forward(&x, function)
    }

    fn kernel_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        activation: Option<Activation>,
        scale: Maybe<Self>,
        residual: Maybe<Self>,
    ) -> FloatTensor<Self> {
        let kept = super::packed::find(&weight);
        super::linear::forward(
            x,
            weight,
            bias.into_option(),
            activation,
            scale.into_option(),
            residual.into_option(),
            kept,
        )
    }

    fn kernel_embedding(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        Self::embedding(table, ids)
    }

    fn kernel_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        super::attention::forward(&query, &key, &value, None)
    }

    fn kernel_masked_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: BoolTensor<Self>,
    ) -> FloatTensor<Self> {
        super::attention::forward(&query, &key, &value, Some(&mask))
    }

    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        geometry: Geometry,
        activation: Option<Activation>,
        residual: Maybe<Self>,
        relu_last: bool,
    ) -> FloatTensor<Self> {
        let after = super::conv2d::After { activation, residual: residual.into_option(), relu_last };
        super::conv2d::forward(&x, &weight, bias.into_option(), geometry, after)
    }

    fn kernel_depthwise_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        geometry: Geometry,
        activation: Option<Activation>,
    ) -> FloatTensor<Self> {
        super::conv2d::depthwise(&x, weight, bias.into_option(), geometry, activation)
    }

    fn kernel_max_pool2d(x: FloatTensor<Self>, kernel: [usize; 2], geometry: Geometry) -> FloatTensor<Self> {
        super::conv2d::max_pool(&x, kernel, geometry)
    }

    fn kernel_channels_last(x: FloatTensor<Self>) -> FloatTensor<Self> {
        super::conv2d::with_channels_last(&x)
    }

    fn kernel_keep_packed(weight: FloatTensor<Self>) -> FloatTensor<Self> {
        super::packed::keep_packed(weight)
    }

    fn kernel_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: Maybe<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        super::layer_norm::forward(&x, gamma, beta.into_option(), epsilon)
    }

    fn kernel_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: Maybe<Self>,
        how: Normalisation,
    ) -> FloatTensor<Self> {
        super::batch_norm::forward(x, gamma, beta, residual.into_option(), &how)
    }
}

impl<C: CheckpointStrategy> KernelBackend for Autodiff<Flex, C> {
    fn kernel_activate(x: FloatTensor<Self>, function: Activation) -> FloatTensor<Self> {
        super::activation::tracked::<C>(x, function)
    }

    fn kernel_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        activation: Option<Activation>,
        scale: Maybe<Self>,
        residual: Maybe<Self>,
    ) -> FloatTensor<Self> {
        super::linear::tracked::<C>(x, weight, bias, activation, scale, residual)
    }

    fn kernel_embedding(table: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        super::embedding::tracked::<C>(table, ids)
    }

    fn kernel_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        super::attention::tracked::<C>(query, key, value, None)
    }

    fn kernel_masked_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        mask: BoolTensor<Self>,
    ) -> FloatTensor<Self> {
        super::attention::tracked::<C>(query, key, value, Some(mask))
    }

    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        geometry: Geometry,
        activation: Option<Activation>,
        residual: Maybe<Self>,
        relu_last: bool,
    ) -> FloatTensor<Self> {
        super::conv2d::tracked::<C>(x, weight, bias, geometry, activation, residual, relu_last)
    }

    fn kernel_depthwise_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        geometry: Geometry,
        activation: Option<Activation>,
    ) -> FloatTensor<Self> {
        let groups = x.shape()[1];
        let options = ConvOptions::new(geometry.stride, geometry.padding, geometry.dilation, groups);
        let y = Self::conv2d(x, weight, bias.into_option(), options);
        match activation {
            Some(function) => super::activation::tracked::<C>(y, function),
            None => y,
        }
    }

    fn kernel_max_pool2d(x: FloatTensor<Self>, kernel: [usize; 2], geometry: Geometry) -> FloatTensor<Self> {
        Self::max_pool2d(x, kernel, geometry.stride, geometry.padding, geometry.dilation, false)
    }

    fn kernel_channels_last(x: FloatTensor<Self>) -> FloatTensor<Self> {
        x
    }

    fn kernel_keep_packed(weight: FloatTensor<Self>) -> FloatTensor<Self> {
        weight
    }

    fn kernel_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: Maybe<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        super::layer_norm::tracked::<C>(x, gamma, beta, epsilon)
    }

    fn kernel_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: Maybe<Self>,
        how: Normalisation,
    ) -> FloatTensor<Self> {
        super::batch_norm::tracked::<C>(x, gamma, beta, residual, how)
    }
}
