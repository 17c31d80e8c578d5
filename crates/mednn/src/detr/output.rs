//! What a detection transformer says about a batch of images.

use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Tensor};

use super::decoder::DetrMemory;

/// The decoder's queries, and what they looked at.
#[derive(Debug, Clone)]
pub struct DetrOutput {
    pub(super) queries: Tensor<3>,
    pub(super) memory: DetrMemory,
    pub(super) grid: [usize; 2],
}

impl DetrOutput {
    /// The queries after the decoder, `[batch, queries, width]`: transformers' `last_hidden_state`.
    pub fn queries(&self) -> Tensor<3> {
        self.queries.clone()
    }

    /// The encoder's output `[batch, rows * columns, width]`, row by row: transformers' `encoder_last_hidden_state`.
    pub fn memory(&self) -> Tensor<3> {
        self.memory.tokens.clone()
    }

    /// Which tokens of the memory are of real pixels, `[batch, rows * columns]`; none when all are.
    pub fn valid(&self) -> Option<Tensor<2, Bool>> {
        self.memory.valid.clone()
    }

    /// Rows and columns of the memory.
    pub const fn grid(&self) -> [usize; 2] {
        self.grid
    }
}

/// A class and a box for each query.
#[derive(Debug, Clone)]
pub struct DetrDetections {
    pub(super) logits: Tensor<3>,
    pub(super) boxes: Tensor<3>,
}

impl DetrDetections {
    /// `[batch, queries, labels + 1]`, the last of *no object*.
    pub fn logits(&self) -> Tensor<3> {
        self.logits.clone()
    }

    /// The softmax of the logits, `[batch, queries, labels + 1]`.
    pub fn probabilities(&self) -> Tensor<3> {
        softmax(self.logits.clone(), 2)
    }

    /// `[batch, queries, 4]`: centre x, centre y, width and height, in 0..1 of the padded image.
    pub fn boxes(&self) -> Tensor<3> {
        self.boxes.clone()
    }
}
