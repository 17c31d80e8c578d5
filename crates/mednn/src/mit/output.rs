//! What a Mix Transformer says about a batch of images.

use burn::tensor::Tensor;

/// The feature maps of the four stages.
#[derive(Debug, Clone)]
pub struct MitOutput {
    maps: [Tensor<4>; 4],
}

impl MitOutput {
    /// Of the maps of the four stages `[batch, C_i, H_i, W_i]`, finest first: for who runs the stages alone.
    pub const fn new(maps: [Tensor<4>; 4]) -> Self {
        Self { maps }
    }

    /// The maps `[batch, C_i, H_i, W_i]` after each stage's layer norm, finest first: transformers' `hidden_states`.
    pub const fn maps(&self) -> &[Tensor<4>; 4] {
        &self.maps
    }

    /// The coarsest map `[batch, C_3, H/32, W/32]`: transformers' `last_hidden_state`.
    pub fn last(&self) -> Tensor<4> {
        self.maps[3].clone()
    }
}
