//! What a vision transformer says about a batch of images.

use burn::tensor::Tensor;

/// All tokens after the final layer norm.
#[derive(Debug, Clone)]
pub struct VitOutput {
    tokens: Tensor<3>,
    registers: usize,
    grid: [usize; 2],
}

impl VitOutput {
    pub(super) const fn new(tokens: Tensor<3>, registers: usize, grid: [usize; 2]) -> Self {
        Self { tokens, registers, grid }
    }

    /// All tokens `[batch, 1 + registers + patches, width]`: transformers' `last_hidden_state`.
    pub fn tokens(&self) -> Tensor<3> {
        self.tokens.clone()
    }

    /// The class token `[batch, width]`: one embedding per image.
    pub fn cls(&self) -> Tensor<2> {
        let [batch, _, width] = self.tokens.dims();
        self.tokens.clone().narrow(1, 0, 1).reshape([batch, width])
    }

    /// The patch tokens `[batch, rows * columns, width]`, row by row.
    pub fn patches(&self) -> Tensor<3> {
        let first = 1 + self.registers;
        let count = self.tokens.dims()[1] - first;
        self.tokens.clone().narrow(1, first, count)
    }

    /// The patch tokens as a feature map `[batch, width, rows, columns]`.
    pub fn feature_map(&self) -> Tensor<4> {
        let patches = self.patches();
        let [batch, _, width] = patches.dims();
        patches.swap_dims(1, 2).reshape([batch, width, self.grid[0], self.grid[1]])
    }

    /// Rows and columns of patches.
    pub const fn grid(&self) -> [usize; 2] {
        self.grid
    }
}
