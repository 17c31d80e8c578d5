//! Tokens on a grid and feature maps.
//!
//! Both directions are views: a map made of tokens keeps the channels of a pixel side by side in memory, which is also how
//! GPUs want the input of a convolution.

use burn::tensor::Tensor;

/// Tokens `[batch, rows * columns, width]`, row by row, as a feature map `[batch, width, rows, columns]`.
///
/// # Panics
/// When there are not `rows * columns` tokens.
pub fn tokens_to_map(tokens: Tensor<3>, grid: [usize; 2]) -> Tensor<4> {
    let [batch, _, width] = tokens.dims();
    tokens.reshape([batch, grid[0], grid[1], width]).permute([0, 3, 1, 2])
}

/// A feature map `[batch, width, rows, columns]` as tokens `[batch, rows * columns, width]`, row by row, and the grid
/// `[rows, columns]`.
pub fn map_to_tokens(map: Tensor<4>) -> (Tensor<3>, [usize; 2]) {
    let [batch, width, rows, columns] = map.dims();
    (map.permute([0, 2, 3, 1]).reshape([batch, rows * columns, width]), [rows, columns])
}
