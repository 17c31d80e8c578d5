//! What a residual network says about a batch of images.

use burn::tensor::Tensor;

/// The feature maps of the stages that the configuration asks for.
#[derive(Debug, Clone)]
pub struct ResNetOutput {
    stages: Vec<(usize, Tensor<4>)>,
    last: Tensor<4>,
}

impl ResNetOutput {
    pub(super) const fn new(stages: Vec<(usize, Tensor<4>)>, last: Tensor<4>) -> Self {
        Self { stages, last }
    }

    /// The map of a stage, counted from 1, if the configuration's `output_stages` has it: `[batch, channels, rows,
    /// columns]`.
    pub fn stage(&self, number: usize) -> Option<Tensor<4>> {
        self.stages.iter().find(|(stage, _)| *stage == number).map(|(_, map)| map.clone())
    }

    /// The map of the last stage, `[batch, channels, rows, columns]`: transformers' `last_hidden_state`.
    pub fn feature_map(&self) -> Tensor<4> {
        self.last.clone()
    }

    /// The mean of the last stage over space, `[batch, channels]`: transformers' `pooler_output`, one embedding per
    /// image.
    pub fn pooled(&self) -> Tensor<2> {
        let [batch, channels, rows, columns] = self.last.dims();
        self.last.clone().reshape([batch, channels, rows * columns]).mean_dim(2).reshape([batch, channels])
    }
}
