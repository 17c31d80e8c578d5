//! Layers that several models share.

mod attention;
mod conv_norm;
mod cross_attention;
mod drop_path;
mod feature_map;
mod feed_forward;
mod interpolate;
mod layer_norm;
mod linear_relu;
mod resize;

pub use attention::{SelfAttention, SelfAttentionConfig, key_padding_mask, multi_head_attention};
pub use conv_norm::{ConvNorm, ConvNormConfig};
pub use cross_attention::{CrossAttention, CrossAttentionConfig, cross_padding_mask};
pub use drop_path::{DropPath, DropPathConfig};
pub use feature_map::{linear_from_channels, linear_to_channels, map_to_tokens, tokens_to_map};
pub use feed_forward::{FeedForward, FeedForwardConfig};
pub use interpolate::{TableInterpolation, cubic_weights, interpolate_table, linear_weights};
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use linear_relu::linear_relu;
pub use resize::{resize_bilinear, sum_of_resized};
