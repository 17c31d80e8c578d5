//! Normalisation over the last axis or over a batch, and what stands beside it in a transformer's block.

mod add_norm;
mod batch_norm;
mod layer_norm;
mod layer_norm_backward;
mod layer_scale;
mod parameter_gradients;
mod rms_norm;

pub use batch_norm::{BatchNorm, BatchNormGradients, BatchNormStatistics};
pub use layer_norm::{LayerNorm, LayerNormStatistics};
pub use layer_norm_backward::LayerNormGradients;
pub use layer_scale::{layer_scale, layer_scale_add};
pub use rms_norm::RmsNorm;
