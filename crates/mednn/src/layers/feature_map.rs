//! Tokens on a grid and feature maps: as views, or by a linear layer on the way.

use burn::nn::Linear;
use burn::tensor::Tensor;

/// Tokens `[batch, rows * columns, width]`, row by row, as a feature map `[batch, width, rows, columns]`. A view: the
/// channels of a pixel stay side by side in memory, which is also how GPUs want the input of a convolution.
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

/// A linear layer from tokens to channels first, as convolutions have them: the transposition is part of the product.
///
/// # Shapes
/// - `tokens`: `[batch, tokens, width]`
/// - output: `[batch, new width, tokens]`
///
/// # Panics
/// On another width.
pub fn linear_to_channels(layer: &Linear, tokens: Tensor<3>) -> Tensor<3> {
    let weight = layer.weight.val().transpose().unsqueeze::<3>();
    let channels = weight.matmul(tokens.swap_dims(1, 2));
    match &layer.bias {
        Some(bias) => channels + bias.val().reshape([1, -1, 1]),
        None => channels,
    }
}

/// A linear layer from channels first to tokens: the way back from [`linear_to_channels`].
///
/// # Shapes
/// - `channels`: `[batch, width, tokens]`
/// - output: `[batch, tokens, new width]`
///
/// # Panics
/// On another width.
pub fn linear_from_channels(layer: &Linear, channels: Tensor<3>) -> Tensor<3> {
    let tokens = channels.swap_dims(1, 2).matmul(layer.weight.val().unsqueeze::<3>());
    match &layer.bias {
        Some(bias) => tokens + bias.val().unsqueeze::<3>(),
        None => tokens,
    }
}
