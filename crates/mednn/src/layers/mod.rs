//! Layers that several models share.

mod attention;
mod conv_norm;
mod cross_attention;
mod feed_forward;
mod interpolate;
mod layer_norm;
mod linear_relu;

pub use attention::{SelfAttention, SelfAttentionConfig, key_padding_mask};
pub use conv_norm::{ConvNorm, ConvNormConfig};
pub use cross_attention::{CrossAttention, CrossAttentionConfig, cross_padding_mask};
pub use feed_forward::{FeedForward, FeedForwardConfig};
pub use interpolate::{TableInterpolation, cubic_weights, interpolate_table, linear_weights};
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use linear_relu::linear_relu;
