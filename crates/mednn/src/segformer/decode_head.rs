//! The decode head of linear layers.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Tensor};

use super::config::SegformerConfig;
use crate::layers::{map_to_tokens, sum_of_resized, tokens_to_map};
use crate::mit::{MitOutput, conv, linear};
use crate::ops::{Activation, activate, linear_with};

/// From the four maps of the encoder to logits (section 3.2, equation 4).
#[derive(Module, Debug)]
pub struct DecodeHead {
    projections: [Linear; 4],
    fuse: Conv2d,
    norm: BatchNorm,
    dropout: Dropout,
    classifier: Conv2d,
}

impl DecodeHead {
    pub(super) fn new(config: &SegformerConfig, device: &Device) -> Self {
        let width = config.decoder_hidden_size;
        let fuse = Conv2dConfig::new([4 * width, width], [1, 1]).with_bias(false);
        let classifier = Conv2dConfig::new([width, config.num_labels], [1, 1]);
        Self {
            projections: config.encoder.hidden_sizes.map(|from| linear(from, width, device)),
            fuse: conv(fuse, device),
            norm: BatchNormConfig::new(width).init(device),
            dropout: DropoutConfig::new(config.classifier_dropout_prob).init(),
            classifier: conv(classifier, device),
        }
    }

    /// Logits at the resolution of the first map.
    ///
    /// # Shapes
    /// - `encoded`: maps `[batch, C_i, H_i, W_i]`
    /// - output: `[batch, classes, H_0, W_0]`
    ///
    /// # Panics
    /// On maps of other widths or of different batches.
    pub fn forward(&self, encoded: &MitOutput) -> Tensor<4> {
        let [batch, _, rows, columns] = encoded.maps()[0].dims();
        let fused = self.dropout.forward(self.fused(encoded));
        self.classify_tokens(fused).reshape([batch, self.classes(), rows, columns])
    }

    /// What [`classify`](Self::classify) makes logits of, before dropout.
    ///
    /// # Shapes
    /// - `encoded`: maps `[batch, C_i, H_i, W_i]`
    /// - output: `[batch, width, H_0, W_0]`
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn features(&self, encoded: &MitOutput) -> Tensor<4> {
        let [_, _, rows, columns] = encoded.maps()[0].dims();
        tokens_to_map(self.fused(encoded), [rows, columns])
    }

    /// Logits of features; [`forward`](Self::forward) in its second half.
    ///
    /// # Shapes
    /// - `features`: `[batch, width, H_0, W_0]`
    /// - output: `[batch, classes, H_0, W_0]`
    ///
    /// # Panics
    /// On another width.
    pub fn classify(&self, features: Tensor<4>) -> Tensor<4> {
        let [batch, _, rows, columns] = features.dims();
        let (tokens, _) = map_to_tokens(features);
        let logits = self.classify_tokens(self.dropout.forward(tokens));
        logits.reshape([batch, self.classes(), rows, columns])
    }

    /// The maps as one, `[batch, pixels, width]`.
    fn fused(&self, encoded: &MitOutput) -> Tensor<3> {
        let [batch, _, rows, columns] = encoded.maps()[0].dims();
        let training = self.norm.training.is_enabled() && encoded.maps()[0].device().is_autodiff();
        let ([weight, coarser_weights @ ..], bias) = self.folded(training);
        let [map, coarser @ ..] = encoded.maps();
        let (tokens, _) = map_to_tokens(map.clone());
        let fine = linear_with(tokens, weight, Some(bias), None);
        let coarse = coarser
            .iter()
            .zip(coarser_weights)
            .map(|(map, weight)| linear_with(map.clone().permute([0, 2, 3, 1]), weight, None, None))
            .collect();
        let [_, pixels, width] = fine.dims();
        let mut fused = fine + sum_of_resized(coarse, [rows, columns]).reshape([batch, pixels, width]);
        if training {
            let rows_of_channels = fused.reshape([batch * pixels, width]);
            fused = self.norm.forward(rows_of_channels).reshape([batch, pixels, width]);
        }
        activate(fused, Activation::Relu)
    }

    /// The linear steps as one weight `[C_i, width]` per stage and one bias `[width]`.
    ///
    /// Projection, resizing and the convolution over all four maps are linear, and resizing keeps constants, so each map can
    /// go through the product of its two weights at its own resolution, and the sum gets all the biases. Outside
    /// training the batch norm is a scale and a shift per channel, which go in as well.
    fn folded(&self, training: bool) -> ([Tensor<2>; 4], Tensor<1>) {
        let parts = [0, 1, 2, 3].map(|stage| self.folded_stage(stage));
        let [first, rest @ ..] = parts.clone().map(|(_, bias)| bias);
        let bias = rest.into_iter().fold(first, |sum, bias| sum + bias);
        let weights = parts.map(|(weight, _)| weight);
        if training {
            return (weights, bias);
        }
        let norm = &self.norm;
        let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
        let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
        (weights.map(|weight| weight * scale.clone().unsqueeze::<2>()), bias * scale.clone() + shift)
    }

    /// The product of a stage's projection and its part of the convolution: weight `[C_i, width]` and bias `[width]`.
    fn folded_stage(&self, stage: usize) -> (Tensor<2>, Tensor<1>) {
        let projection = &self.projections[stage];
        let [width, all, _, _] = self.fuse.weight.dims();
        // The convolution sees the coarsest map first.
        let part = self.fuse.weight.val().reshape([width, all]).narrow(1, (3 - stage) * width, width);
        let part = part.transpose();
        let weight = projection.weight.val().matmul(part.clone());
        let bias = match &projection.bias {
            Some(bias) => bias.val().unsqueeze::<2>().matmul(part).reshape([width]),
            None => Tensor::zeros([width], &part.device()),
        };
        (weight, bias)
    }

    /// `[batch, pixels, width]` to `[batch, classes, pixels]`.
    fn classify_tokens(&self, fused: Tensor<3>) -> Tensor<3> {
        let [classes, width, _, _] = self.classifier.weight.dims();
        let weight = self.classifier.weight.val().reshape([1, classes, width]);
        let logits = weight.matmul(fused.swap_dims(1, 2));
        match &self.classifier.bias {
            Some(bias) => logits + bias.val().reshape([1, classes, 1]),
            None => logits,
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classifier.weight.dims()[0]
    }
}
