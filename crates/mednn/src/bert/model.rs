//! The BERT encoder.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer};
use burn::tensor::{Bool, Device, Tensor, TensorData};

use super::config::BertConfig;
use crate::layers::{
    FeedForward, FeedForwardConfig, LayerNorm, LayerNormConfig, SelfAttention, SelfAttentionConfig,
    key_padding_mask, linear_weights,
};

/// Learned positions and the first token type, then a layer norm.
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
        let length = embeddings.dims()[1];
        let positions = self.positions_for(length).unsqueeze::<3>();
        let token_type = self.token_types.val().narrow(0, 0, 1).unsqueeze::<3>();
        self.dropout.forward(self.norm.forward(embeddings + positions + token_type))
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

/// Attention and feed-forward network, each with a residual connection and a layer norm after it.
#[derive(Module, Debug)]
pub struct BertBlock {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    mlp: FeedForward,
    mlp_norm: LayerNorm,
    dropout: Dropout,
}

impl BertBlock {
    pub(super) fn new(config: &BertConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let norm = || LayerNormConfig::new(width).with_epsilon(config.layer_norm_eps).init(device);
        Self {
            attention: SelfAttentionConfig::new(width, config.num_attention_heads).init(device),
            attention_norm: norm(),
            mlp: FeedForwardConfig::new(width, config.intermediate_size).init(device),
            mlp_norm: norm(),
            dropout: DropoutConfig::new(config.hidden_dropout_prob).init(),
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, length, width]`
    /// - `mask`: `[batch, heads, length, length]`, true where a key is not to be seen
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, tokens: Tensor<3>, mask: Option<Tensor<4, Bool>>) -> Tensor<3> {
        let attended = self.dropout.forward(self.attention.forward(tokens.clone(), mask));
        let tokens = self.attention_norm.forward(tokens + attended);
        let transformed = self.dropout.forward(self.mlp.forward(tokens.clone()));
        self.mlp_norm.forward(tokens + transformed)
    }
}

/// A BERT encoder on embeddings; see the [module documentation](super).
#[derive(Module, Debug)]
pub struct BertEncoder {
    pub(super) embeddings: BertEmbeddings,
    pub(super) blocks: Vec<BertBlock>,
    pub(super) width: usize,
}

impl BertEncoder {
    /// Encodes a batch of sequences of embeddings.
    ///
    /// # Shapes
    /// - `embeddings` and output: `[batch, length, width]`
    /// - `valid`: `[batch, length]`, true where an element is real; rows of padding are computed but mean nothing. Each sequence
    ///   needs at least one real element.
    ///
    /// # Panics
    /// On other shapes.
    pub fn forward(&self, embeddings: Tensor<3>, valid: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let heads = self.blocks.first().map_or(1, |block| block.attention.heads());
        let mask = valid.map(|valid| key_padding_mask(valid, heads));
        let tokens = self.embeddings.forward(embeddings);
        self.blocks.iter().fold(tokens, |x, block| block.forward(x, mask.clone()))
    }

    /// Positions, token type and layer norm: what the first block sees.
    pub const fn embeddings(&self) -> &BertEmbeddings {
        &self.embeddings
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[BertBlock] {
        &self.blocks
    }

    /// Width of the tokens.
    pub const fn width(&self) -> usize {
        self.width
    }
}
