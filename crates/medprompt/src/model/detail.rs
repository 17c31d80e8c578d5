//! Guides at the resolution of the image.

use burn::config::Config;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use mednn::layers::resize_bilinear;
use mednn::ops::{batch_norm, conv2d};

use super::adaptation::PromptInput;
use crate::error::{Result, config};
use crate::superpixel::{SuperpixelSource, region_means};

/// What a [`DetailHead`] sees, and its size.
#[derive(Config, Debug, PartialEq)]
pub struct DetailConfig {
    /// The image of hand-crafted features.
    pub input: PromptInput,
    /// Channels at the resolution of the image.
    #[config(default = 16)]
    pub width: usize,
    /// Whether features are averaged over the superpixels of each level, too; for inputs with a pyramid.
    #[config(default = false)]
    pub pooled: bool,
}

impl DetailConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) with the field that cannot be; a superpixel network has its place in the prompts alone.
    pub fn validate(&self) -> Result<()> {
        if !(1..=1024).contains(&self.width) {
            return Err(config("width", "1 to 1024", self.width));
        }
        if matches!(self.input, PromptInput::Superpixels(SuperpixelSource::Network(_))) {
            return Err(config("input", "anything but a superpixel network", "a superpixel network"));
        }
        if self.pooled && self.levels() == 0 {
            return Err(config("pooled", "false, for an input without levels of superpixels", "true"));
        }
        self.input.validate()
    }

    /// Levels of superpixels.
    fn levels(&self) -> usize {
        self.input.pyramid().map_or(0, |pyramid| pyramid.segments.len())
    }

    /// Channels of what the head sees: the input's, and the numbers of superpixels of each level.
    pub(super) fn channels(&self) -> usize {
        self.input.channels() + if self.pooled { self.levels() } else { 0 }
    }

    pub(super) fn init(&self, features: usize, classes: usize, device: &Device) -> DetailHead {
        let Self { width, .. } = *self;
        let conv = |from, to, side: usize| {
            Conv2dConfig::new([from, to], [side; 2])
                .with_padding(PaddingConfig2d::Explicit(side / 2, side / 2, side / 2, side / 2))
                .with_bias(false)
        };
        DetailHead {
            reduce: conv(features, width, 1).init(device),
            guide: conv(self.input.channels(), width, 3).init(device),
            mix: self.pooled.then(|| conv(self.levels() * width, width, 1).init(device)),
            refine: conv(width, width, 3).init(device),
            norms: [0, 1].map(|_| BatchNormConfig::new(width).init(device)),
            classifier: conv(width, classes, 1).with_initializer(Initializer::Zeros).init(device),
        }
    }
}

/// Logits at the resolution of the image, from a guide of that resolution and the decoder's features: they are added to the decoder's.
///
/// Prompts reach a backbone on the grid of its patches. In a Mix Transformer the finest is a quarter of the image's; in a vision
/// transformer patches have 14 or 16 pixels, and nothing finer ever reaches the decoder. Here the guide does: a 3x3 convolution of
/// it and a 1x1 convolution of the features are added, so that what an edge or a superpixel means depends on where it is; another 3x3
/// convolution, and a 1x1 convolution to the classes, which begins at zero: training starts from the model without it. Ours.
#[derive(Module, Debug)]
pub struct DetailHead {
    reduce: Conv2d,
    guide: Conv2d,
    mix: Option<Conv2d>,
    refine: Conv2d,
    norms: [BatchNorm; 2],
    classifier: Conv2d,
}

impl DetailHead {
    /// # Shapes
    /// - `features`: what the decoder classifies, `[batch, decoder width, rows, columns]`
    /// - `guide`: `[batch, channels of the input, height, width]`
    /// - output: `[batch, classes, height, width]`
    ///
    /// # Panics
    /// On other widths and batches.
    pub fn forward(&self, features: Tensor<4>, guide: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = guide.dims();
        let [joint_norm, refined_norm] = &self.norms;
        let coarse = resize_bilinear(conv2d(features, &self.reduce, None), [height, width]);
        let channels = self.guide.weight.dims()[1];
        let mut joint = conv2d(guide.clone().narrow(1, 0, channels), &self.guide, None) + coarse.clone();
        if let Some(mix) = &self.mix {
            let levels = guide.dims()[1] - channels;
            let pooled = |level| region_means(coarse.clone(), guide.clone().narrow(1, channels + level, 1));
            joint = joint + conv2d(Tensor::cat((0..levels).map(pooled).collect(), 1), mix, None);
        }
        let joint = batch_norm(joint, joint_norm, None, true);
        let refined = batch_norm(conv2d(joint, &self.refine, None), refined_norm, None, true);
        conv2d(refined, &self.classifier, None)
    }
}
