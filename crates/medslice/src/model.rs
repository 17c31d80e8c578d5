//! The two transformers of a slice-sequence encoder, as a burn module.

use burn::module::Module;
use burn::tensor::{Bool, Tensor};
use mednn::Vit;
use mednn::bert::BertEncoder;

use crate::config::Pooling;
use crate::slice_encoder::SliceEncoder;

/// A 2D encoder and, unless the slices are only to be pooled, a transformer over their sequence.
#[derive(Module, Debug)]
pub struct SliceSequenceModel<E: SliceEncoder = Vit> {
    slices: E,
    sequence: Option<BertEncoder>,
    #[module(skip)]
    pooling: Pooling,
}

impl<E: SliceEncoder> SliceSequenceModel<E> {
    /// From its parts, whose widths must agree (see [`SliceSequenceConfig::validate`](crate::SliceSequenceConfig::validate)).
    pub const fn new(slices: E, sequence: Option<BertEncoder>, pooling: Pooling) -> Self {
        Self { slices, sequence, pooling }
    }

    /// The 2D encoder.
    pub const fn slices(&self) -> &E {
        &self.slices
    }

    /// The transformer over slices, if there is one.
    pub const fn sequence(&self) -> Option<&BertEncoder> {
        self.sequence.as_ref()
    }

    /// Puts the slices of each study into context. Without a sequence model they stay what they are.
    ///
    /// # Shapes
    /// - `features` and output: `[batch, slices, width]`
    /// - `valid`: `[batch, slices]`, true where a slice is real; at least one in each study
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward_sequence(&self, features: Tensor<3>, valid: Option<Tensor<2, Bool>>) -> Tensor<3> {
        match &self.sequence {
            Some(sequence) => sequence.forward(features, valid),
            None => features,
        }
    }

    /// One embedding per study from its slices in context.
    ///
    /// # Shapes
    /// - `slices`: `[batch, slices, width]`
    /// - `valid`: `[batch, slices]`, true where a slice is real; at least one in each study
    /// - output: `[batch, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn pool(&self, slices: Tensor<3>, valid: Option<Tensor<2, Bool>>) -> Tensor<2> {
        let [batch, _, width] = slices.dims();
        match (self.pooling, valid) {
            (Pooling::Mean, None) => slices.mean_dim(1).reshape([batch, width]),
            (Pooling::Mean, Some(valid)) => {
                let weight = valid.float().unsqueeze_dim::<3>(2);
                let sum = (slices * weight.clone()).sum_dim(1);
                (sum / weight.sum_dim(1)).reshape([batch, width])
            }
        }
    }
}
