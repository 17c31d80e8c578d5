//! Detection transformers: DETR, and its parts for models that are made of them.
//!
//! "End-to-End Object Detection with Transformers" (Carion et al., arXiv 2005.12872). Checkpoints load as transformers
//! publishes them (`model_type` `detr`, backbones of timm or of transformers).
//!
//! | after | shape |
//! |---|---|
//! | images, and which of their pixels are real | `[batch, 3, height, width]`, `[batch, height, width]` |
//! | [`ResNet`](crate::resnet::ResNet), last stage | `[batch, 2048, rows, columns]`, sides divided by 32 and rounded up |
//! | 1x1 projection, flattened row by row | `[batch, rows * columns, 256]` |
//! | [`sine_positions`] | `[batch, rows * columns, 256]` |
//! | [`DetrEncoder`]: memory | `[batch, rows * columns, 256]` |
//! | [`DetrDecoder`], of learned queries | `[batch, queries, 256]` |
//! | class head | `[batch, queries, labels + 1]` logits, the last of *no object* |
//! | [`BoxHead`] | `[batch, queries, 4]`: centre x, centre y, width and height as fractions of the (padded) image |
//!
//! TransVG, MDETR and their kin are assembled from [`DetrEncoder`], [`DetrDecoder`], [`sine_positions`] and
//! [`BoxHead`]. Layers are post-norm; positions are added to queries and keys alone.
//!
//! ```
//! use burn::tensor::Tensor;
//! use mednn::detr::{DetrConfig, DetrTransformerConfig};
//! use mednn::resnet::ResNetConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let layers = DetrTransformerConfig::new().with_width(32).with_num_layers(1).with_ffn(64);
//! let config = DetrConfig::new(ResNetConfig::resnet18().with_frozen_batch_norm(true), 3)
//!     .with_encoder(layers.clone())
//!     .with_decoder(layers)
//!     .with_num_queries(5);
//! let detr = config.init_detector(device);
//! let found = detr.detect(Tensor::zeros([1, 3, 64, 96], device), None)?;
//! assert_eq!(found.logits().dims(), [1, 5, 4]);
//! assert_eq!(found.boxes().dims(), [1, 5, 4]);
//! # }
//! # Ok::<(), mednn::Error>(())
//! ```

mod box_head;
mod config;
mod decoder;
mod encoder;
mod feed_forward;
mod model;
mod output;
mod positions;
mod weights;

pub use box_head::BoxHead;
pub use config::{DetrConfig, DetrTransformerConfig};
pub use decoder::{DetrDecoder, DetrDecoderLayer, DetrMemory};
pub use encoder::{DetrEncoder, DetrEncoderLayer};
pub use feed_forward::DetrFeedForward;
pub use model::{Detr, DetrDetector};
pub use output::{DetrDetections, DetrOutput};
pub use positions::{downsample_mask, sine_positions};
