//! Mix Transformers, MiT-B0 to MiT-B5: the encoder of SegFormer.
//!
//! "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers" (Xie et al., NeurIPS 2021, arXiv
//! 2105.15203), section 3.1. Four stages, each with a coarser grid and wider tokens; no position table, so images of any
//! size go in. For an image `[batch, 3, H, W]`, where sides are rounded up:
//!
//! | stage | patch embedding | grid | width (B0; B1 to B5) | keys seen through | output |
//! |---|---|---|---|---|---|
//! | 0 | 7x7, stride 4 | H/4 x W/4 | 32; 64 | 8x8 reduction | `[batch, C_0, H/4, W/4]` |
//! | 1 | 3x3, stride 2 | H/8 x W/8 | 64; 128 | 4x4 reduction | `[batch, C_1, H/8, W/8]` |
//! | 2 | 3x3, stride 2 | H/16 x W/16 | 160; 320 | 2x2 reduction | `[batch, C_2, H/16, W/16]` |
//! | 3 | 3x3, stride 2 | H/32 x W/32 | 256; 512 | all | `[batch, C_3, H/32, W/32]` |
//!
//! Checkpoints load as Hugging Face transformers publishes them: `SegformerModel`, and the encoders inside
//! `SegformerForImageClassification` (`nvidia/mit-b0`) and `SegformerForSemanticSegmentation`.
//!
//! ```no_run
//! use mednn::{Backend, Mit};
//! let device = "flex".parse::<Backend>()?.open()?;
//! let encoder = Mit::from_pretrained("mit-b0/", device.device())?;
//! # let images = burn::tensor::Tensor::<4>::zeros([1, 3, 512, 512], device.device());
//! let output = encoder.encode(images)?;              // images: [batch, 3, 512, 512], normalised
//! assert_eq!(output.maps()[3].dims(), [1, 256, 16, 16]);
//! # Ok::<(), mednn::Error>(())
//! ```
//!
//! A method that changes what the blocks see (visual prompts, adapters) runs the parts itself:
//!
//! ```
//! use burn::tensor::Tensor;
//! use mednn::layers::tokens_to_map;
//! use mednn::mit::MitConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let encoder = MitConfig::b0().init(device);
//! let mut map = Tensor::<4>::zeros([1, 3, 64, 64], device);
//! for stage in encoder.stages() {
//!     let (embedded, grid) = stage.patch_embed().forward(map);   // [batch, tokens, C_i]
//!     let prompt = embedded.clone() * 0.1;
//!     let tokens =
//!         stage.blocks().iter().fold(embedded, |tokens, block| block.forward(tokens + prompt.clone(), grid));
//!     map = tokens_to_map(stage.norm().forward(tokens), grid);   // [batch, C_i, H_i, W_i]
//! }
//! assert_eq!(map.dims(), [1, 256, 2, 2]);
//! # }
//! ```

mod attention;
mod block;
mod config;
mod embeddings;
mod feed_forward;
mod initial;
mod model;
mod output;
mod weights;

pub use attention::{EfficientAttention, SpatialReduction};
pub use block::MitBlock;
pub use config::MitConfig;
pub use embeddings::OverlapPatchEmbed;
pub use feed_forward::MixFeedForward;
pub use model::{Mit, MitStage};
pub use output::MitOutput;

pub(crate) use config::wrong;
pub(crate) use initial::{conv, linear};
pub(crate) use weights::layers;
