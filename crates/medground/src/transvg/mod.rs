//! TransVG: one box for each phrase.
//!
//! "TransVG: End-to-End Visual Grounding with Transformers" (Deng et al., ICCV 2021, arXiv 2104.08541).
//!
//! | after | shape |
//! |---|---|
//! | image in its square | `[batch, 3, 640, 640]` |
//! | [`VisionBackbone`](crate::vision::VisionBackbone), 1x1 convolution, DETR's encoder, linear layer | `[batch, 400, 256]` |
//! | phrase | `[batch, 20]` ids |
//! | text encoder, linear layer | `[batch, 20, 256]` |
//! | regression token, text, image | `[batch, 421, 256]`, with one learned table of positions |
//! | fusion: post-norm layers, positions added to queries and keys | `[batch, 421, 256]` |
//! | regression token through a box head | `[batch, 4]`: centre x, centre y, width, height in 0..1 of the square |
//!
//! With a vision transformer as backbone, DETR's encoder can be left out.

mod config;
mod model;
mod weights;

pub use config::TransVgConfig;
pub use model::{TransVg, TransVgOutput};
