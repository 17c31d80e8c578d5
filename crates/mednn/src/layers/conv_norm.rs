//! Convolution, batch norm, ReLU.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::ops::{Activation, batch_norm, conv2d, conv2d_residual, keep_packed};

/// Sizes of a [`ConvNorm`].
#[derive(Config, Debug)]
pub struct ConvNormConfig {
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Side of the square kernel, odd; the padding keeps the size at stride 1.
    pub kernel_size: usize,
    /// Step of the kernel.
    #[config(default = 1)]
    pub stride: usize,
    /// Distance between the elements of the kernel.
    #[config(default = 1)]
    pub dilation: usize,
    /// Added to the variance.
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// Whether the batch norm is a constant: see [`ConvNorm`].
    #[config(default = false)]
    pub frozen: bool,
}

/// A convolution without bias and the batch norm (Ioffe and Szegedy, arXiv 1502.03167) of its output.
///
/// A trainable batch norm normalises by the batch on a device with autodiff, and by the running statistics elsewhere.
/// It updates the running variance with the biased variance of the batch; PyTorch takes the unbiased one. A *frozen*
/// one, as in DETR's `FrozenBatchNorm2d`, always normalises by the running statistics, never changes them, and its
/// weight and bias get no gradient; `unfreeze` of burn's [`Module`] would make it trainable.
#[derive(Module, Debug)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl ConvNormConfig {
    /// A layer with random weights (He et al., arXiv 1502.01852, by the fan out).
    pub fn init(&self, device: &Device) -> ConvNorm {
        let padding = self.dilation * (self.kernel_size / 2);
        let norm = BatchNormConfig::new(self.channels[1]).with_epsilon(self.epsilon).init(device);
        ConvNorm {
            conv: Conv2dConfig::new(self.channels, [self.kernel_size; 2])
                .with_stride([self.stride; 2])
                .with_dilation([self.dilation; 2])
                .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
                .with_bias(false)
                .with_initializer(Initializer::KaimingNormal {
                    gain: std::f64::consts::SQRT_2,
                    fan_out_only: true,
                })
                .init(device),
            norm: Some(if self.frozen { norm.freeze() } else { norm }),
        }
    }
}

impl ConvNorm {
    /// # Shapes
    /// - `images`: `[batch, channels in, height, width]`
    /// - output: `[batch, channels out, ceil(height / stride), ceil(width / stride)]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let maps = conv2d(images, &self.conv, None);
        match &self.norm {
            Some(norm) => batch_norm(maps, norm, None, false),
            None => maps,
        }
    }

    /// [`forward`](Self::forward), then ReLU.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_relu(&self, images: Tensor<4>) -> Tensor<4> {
        match &self.norm {
            Some(norm) => batch_norm(conv2d(images, &self.conv, None), norm, None, true),
            None => conv2d(images, &self.conv, Some(Activation::Relu)),
        }
    }

    /// [`forward`](Self::forward), plus `residual` (of the output's shape), then ReLU.
    ///
    /// # Panics
    /// As [`forward`](Self::forward), and when `residual` has another shape than the output.
    pub fn forward_residual(&self, images: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        match &self.norm {
            Some(norm) => batch_norm(conv2d(images, &self.conv, None), norm, Some(residual), true),
            None => conv2d_residual(images, &self.conv, residual),
        }
    }

    /// The same function at inference as one convolution with bias: `w * s` and `beta - mean * s`, where `s = gamma /
    /// sqrt(variance + epsilon)` of each output channel. Without effect when it has been done.
    pub fn fold(self) -> Self {
        let Some(norm) = self.norm else { return self };
        let mut conv = self.conv;
        let variance = norm.running_var.value_sync();
        let scale = norm.gamma.val().detach() / (variance + norm.epsilon).sqrt();
        let shift = norm.beta.val().detach() - norm.running_mean.value_sync() * scale.clone();
        let [channels] = scale.dims();
        conv.weight =
            conv.weight.map(|weight| keep_packed(weight.detach() * scale.reshape([channels, 1, 1, 1])));
        conv.bias = Some(Param::from_tensor(shift));
        Self { conv, norm: None }
    }

    /// Whether the batch norm has been folded into the convolution.
    pub const fn is_folded(&self) -> bool {
        self.norm.is_none()
    }
}
