//! Residual networks: ResNet-18, 34, 50, 101 and 152.
//!
//! "Deep Residual Learning for Image Recognition" (He et al., arXiv 1512.03385), with the stride of a bottleneck in its
//! 3x3 convolution as torchvision, timm and transformers have it. Checkpoints load from transformers (`model_type`
//! `resnet`), and under torchvision's names (`layer1.0.conv1.weight`), which timm and the backbones of DETR share.
//!
//! | after | shape |
//! |---|---|
//! | image | `[batch, 3, height, width]` |
//! | stem: 7x7 convolution of stride 2, 3x3 max pooling of stride 2 | `[batch, 64, height / 4, width / 4]` |
//! | stage 1 | `[batch, 256, height / 4, width / 4]` |
//! | stage 2 | `[batch, 512, height / 8, width / 8]` |
//! | stage 3 | `[batch, 1024, height / 16, width / 16]` |
//! | stage 4 | `[batch, 2048, height / 32, width / 32]`; `height / 16` with [`dilate_last_stage`](ResNetConfig::dilate_last_stage) |
//!
//! Divisions round up. ResNet-18 and 34 have 64, 128, 256 and 512 channels.
//!
//! ```
//! use burn::tensor::Tensor;
//! use mednn::resnet::ResNetConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let resnet = ResNetConfig::resnet18().with_output_stages(vec![3, 4]).init(device);
//! let output = resnet.encode(Tensor::zeros([1, 3, 64, 96], device))?;
//! assert_eq!(output.stage(3).map(|map| map.dims()), Some([1, 256, 4, 6]));
//! assert_eq!(output.feature_map().dims(), [1, 512, 2, 3]);
//! assert_eq!(output.pooled().dims(), [1, 512]);
//! # }
//! # Ok::<(), mednn::Error>(())
//! ```

mod block;
mod config;
mod model;
mod output;
pub(crate) mod weights;

pub use block::{ResNetBlock, ResNetStage};
pub use config::{ResNetBlockKind, ResNetConfig, ResNetNames};
pub use model::ResNet;
pub use output::ResNetOutput;
