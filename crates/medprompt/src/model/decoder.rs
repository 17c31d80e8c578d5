//! From feature maps to logits.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use mednn::layers::resize_bilinear;
use mednn::mit::MitOutput;
use mednn::ops::{batch_norm, conv2d};
use mednn::segformer::DecodeHead;

/// The decoder of a backbone.
#[derive(Module, Debug)]
#[non_exhaustive]
// One per model: nothing is gained by another allocation.
#[allow(clippy::large_enum_variant)]
pub enum Decoder {
    /// SegFormer's, for a Mix Transformer: logits at a quarter of the resolution.
    Segformer(DecodeHead),
    /// For a vision transformer: logits at four times the resolution of its patches.
    Tokens(TokenDecoder),
}

impl Decoder {
    /// What is classified, `[batch, width, rows, columns]`.
    pub(super) fn features(&self, maps: [Tensor<4>; 4]) -> Tensor<4> {
        match self {
            Self::Segformer(head) => head.features(&MitOutput::new(maps)),
            Self::Tokens(decoder) => decoder.features(maps),
        }
    }

    /// Logits `[batch, classes, rows, columns]` of features.
    pub(super) fn classify(&self, features: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Segformer(head) => head.classify(features),
            Self::Tokens(decoder) => decoder.classify(features),
        }
    }

    /// Logits `[batch, classes, rows, columns]`.
    pub(super) fn forward(&self, maps: [Tensor<4>; 4]) -> Tensor<4> {
        self.classify(self.features(maps))
    }
}

/// A light decoder for maps that are all of one size: their fusion by a 1x1 convolution, then twice the double resolution and a 3x3
/// convolution, each convolution with batch norm and ReLU; a 1x1 convolution to the classes.
#[derive(Module, Debug)]
pub struct TokenDecoder {
    fuse: Conv2d,
    refine: [Conv2d; 2],
    norms: [BatchNorm; 3],
    dropout: Dropout,
    classifier: Conv2d,
}

impl TokenDecoder {
    pub(super) fn new(from: usize, width: usize, classes: usize, dropout: f64, device: &Device) -> Self {
        let conv = |from, to, side: usize, bias| {
            Conv2dConfig::new([from, to], [side; 2])
                .with_padding(PaddingConfig2d::Explicit(side / 2, side / 2, side / 2, side / 2))
                .with_bias(bias)
                .init(device)
        };
        Self {
            fuse: conv(4 * from, width, 1, false),
            refine: [0, 1].map(|_| conv(width, width, 3, false)),
            norms: [0, 1, 2].map(|_| BatchNormConfig::new(width).init(device)),
            dropout: DropoutConfig::new(dropout).init(),
            classifier: conv(width, classes, 1, true),
        }
    }

    /// Logits of maps.
    ///
    /// # Shapes
    /// - `maps`: four of `[batch, width, rows, columns]`
    /// - output: `[batch, classes, 4 rows, 4 columns]`
    ///
    /// # Panics
    /// On maps of another width, or of several sizes.
    pub fn forward(&self, maps: [Tensor<4>; 4]) -> Tensor<4> {
        self.classify(self.features(maps))
    }

    /// What is classified, `[batch, decoder width, 4 rows, 4 columns]`.
    pub(super) fn features(&self, maps: [Tensor<4>; 4]) -> Tensor<4> {
        let [fuse_norm, norms @ ..] = &self.norms;
        let mut map = conv2d(Tensor::cat(maps.to_vec(), 1), &self.fuse, None);
        map = batch_norm(map, fuse_norm, None, true);
        for (conv, norm) in self.refine.iter().zip(norms) {
            let [_, _, rows, columns] = map.dims();
            map = conv2d(resize_bilinear(map, [2 * rows, 2 * columns]), conv, None);
            map = batch_norm(map, norm, None, true);
        }
        map
    }

    /// Logits of features.
    pub(super) fn classify(&self, features: Tensor<4>) -> Tensor<4> {
        conv2d(self.dropout.forward(features), &self.classifier, None)
    }
}
