//! Layers that several models share.

mod attention;
mod feed_forward;
mod interpolate;
mod layer_norm;

pub use attention::{SelfAttention, SelfAttentionConfig, key_padding_mask};
pub use feed_forward::{FeedForward, FeedForwardConfig};
pub use interpolate::{TableInterpolation, cubic_weights, interpolate_table, linear_weights};
pub use layer_norm::{LayerNorm, LayerNormConfig};
