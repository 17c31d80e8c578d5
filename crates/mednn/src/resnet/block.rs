//! Residual blocks and the stages they make.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::config::{ResNetBlockKind, ResNetConfig};
use crate::layers::{ConvNorm, ConvNormConfig};

/// How one block changes its input.
#[derive(Debug, Clone, Copy)]
struct BlockSizes {
    channels: [usize; 2],
    stride: usize,
    /// Of the convolution that takes the stride, and of a 3x3 one after it.
    dilation: [usize; 2],
}

/// Two 3x3 convolutions, or a bottleneck of 1x1, 3x3 and 1x1 (section 4.1, figure 5), with a residual connection around
/// them.
#[derive(Module, Debug)]
pub struct ResNetBlock {
    convs: Vec<ConvNorm>,
    shortcut: Option<ConvNorm>,
}

impl ResNetBlock {
    fn new(config: &ResNetConfig, sizes: BlockSizes, device: &Device) -> Self {
        let BlockSizes { channels: [input, output], stride, dilation } = sizes;
        let conv = |channels: [usize; 2], kernel: usize, stride: usize, dilation: usize| {
            ConvNormConfig::new(channels, kernel)
                .with_stride(stride)
                .with_dilation(dilation)
                .with_epsilon(config.batch_norm_eps)
                .with_frozen(config.frozen_batch_norm)
                .init(device)
        };
        let convs = match config.block {
            ResNetBlockKind::Basic => {
                vec![conv([input, output], 3, stride, dilation[0]), conv([output, output], 3, 1, dilation[1])]
            }
            ResNetBlockKind::Bottleneck => {
                let inner = output / ResNetBlockKind::REDUCTION;
                let (first, second) = if config.downsample_in_bottleneck { (stride, 1) } else { (1, stride) };
                vec![
                    conv([input, inner], 1, first, 1),
                    conv([inner, inner], 3, second, dilation[0]),
                    conv([inner, output], 1, 1, 1),
                ]
            }
        };
        let projected = input != output || stride != 1;
        Self { convs, shortcut: projected.then(|| conv([input, output], 1, stride, 1)) }
    }

    /// # Shapes
    /// - `maps`: `[batch, channels in, height, width]`
    /// - output: `[batch, channels out, ceil(height / stride), ceil(width / stride)]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let residual = match &self.shortcut {
            Some(shortcut) => shortcut.forward(maps.clone()),
            None => maps.clone(),
        };
        match self.convs.split_last() {
            Some((last, first)) => {
                let inner = first.iter().fold(maps, |x, conv| conv.forward_relu(x));
                last.forward_residual(inner, residual)
            }
            None => relu(maps + residual),
        }
    }

    fn fold(self) -> Self {
        Self {
            convs: self.convs.into_iter().map(ConvNorm::fold).collect(),
            shortcut: self.shortcut.map(ConvNorm::fold),
        }
    }
}

/// The blocks of one resolution.
#[derive(Module, Debug)]
pub struct ResNetStage {
    blocks: Vec<ResNetBlock>,
}

impl ResNetStage {
    /// Stage `index`, 0 to 3, whose input has `input` channels.
    pub(super) fn new(config: &ResNetConfig, index: usize, input: usize, device: &Device) -> Self {
        let output = config.hidden_sizes[index];
        let dilated = index == 3 && config.dilate_last_stage;
        let stride = if dilated || (index == 0 && !config.downsample_in_first_stage) { 1 } else { 2 };
        let blocks = (0..config.depths[index])
            .map(|block| {
                let dilation = if dilated { 2 } else { 1 };
                let sizes = if block == 0 {
                    // What would have taken the stride sees the resolution it was trained on, and needs no dilation.
                    BlockSizes { channels: [input, output], stride, dilation: [1, dilation] }
                } else {
                    BlockSizes { channels: [output, output], stride: 1, dilation: [dilation; 2] }
                };
                ResNetBlock::new(config, sizes, device)
            })
            .collect();
        Self { blocks }
    }

    /// # Shapes
    /// - `maps`: `[batch, channels in, height, width]`
    /// - output: `[batch, channels out, ceil(height / stride), ceil(width / stride)]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        self.blocks.iter().fold(maps, |x, block| block.forward(x))
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[ResNetBlock] {
        &self.blocks
    }

    pub(super) fn fold(self) -> Self {
        Self { blocks: self.blocks.into_iter().map(ResNetBlock::fold).collect() }
    }
}
