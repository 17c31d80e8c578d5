//! What is added to a sequence before the first block.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::config::BertConfig;
use crate::layers::{LayerNorm, LayerNormConfig, linear_weights};
use crate::ops::embedding;

/// Learned positions and token types, then a layer norm.
#[derive(Module, Debug)]
pub struct BertEmbeddings {
    positions: Param<Tensor<2>>,
    token_types: Param<Tensor<2>>,
    norm: LayerNorm,
    dropout: Dropout,
}

impl BertEmbeddings {
    pub(super) fn new(config: &BertConfig, device: &Device) -> Self {
        let table = Initializer::Normal { mean: 0.0, std: 0.02 };
        let width = config.hidden_size;
        Self {
            positions: table.init([config.max_position_embeddings, width], device),
            token_types: table.init([config.type_vocab_size, width], device),
            norm: LayerNormConfig::new(width).with_epsilon(config.layer_norm_eps).init(device),
            dropout: DropoutConfig::new(config.hidden_dropout_prob).init(),
        }
    }

    /// Sequences longer than the position table get it stretched over them by linear interpolation; transformers would
    /// refuse them.
    ///
    /// # Shapes
    /// - `embeddings` and output: `[batch, length, width]`
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, embeddings: Tensor<3>) -> Tensor<3> {
        let first_type = self.token_types.val().narrow(0, 0, 1).unsqueeze::<3>();
        let positions = self.positions_for(embeddings.dims()[1]).unsqueeze::<3>();
        self.sum(embeddings, positions, first_type)
    }

    /// As [`forward`](Self::forward), with the type of each element: in a pair of sequences, 0 for the first and 1 for the
    /// second.
    ///
    /// # Shapes
    /// - `embeddings` and output: `[batch, length, width]`
    /// - `types`: `[batch, length]`
    ///
    /// # Panics
    /// On other shapes, and on types that are not in the table.
    pub fn forward_typed(&self, embeddings: Tensor<3>, types: Tensor<2, Int>) -> Tensor<3> {
        let positions = self.positions_for(embeddings.dims()[1]).unsqueeze::<3>();
        self.sum(embeddings, positions, embedding(self.token_types.val(), types))
    }

    /// As [`forward`](Self::forward), with rows of the position table of the caller's choice: `[batch, length]`.
    pub(crate) fn forward_at(&self, embeddings: Tensor<3>, positions: Tensor<2, Int>) -> Tensor<3> {
        let first_type = self.token_types.val().narrow(0, 0, 1).unsqueeze::<3>();
        self.sum(embeddings, embedding(self.positions.val(), positions), first_type)
    }

    fn sum(&self, embeddings: Tensor<3>, positions: Tensor<3>, types: Tensor<3>) -> Tensor<3> {
        self.dropout.forward(self.norm.forward(embeddings + positions + types))
    }

    fn positions_for(&self, length: usize) -> Tensor<2> {
        let table = self.positions.val();
        let [rows, _] = table.dims();
        if length <= rows {
            return table.narrow(0, 0, length);
        }
        let weights = TensorData::new(linear_weights(rows, length), [length, rows]);
        Tensor::<2>::from_data(weights, &table.device()).matmul(table)
    }
}
