//! SegFormer, B0 to B5: semantic segmentation.
//!
//! "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers" (Xie et al., NeurIPS 2021, arXiv
//! 2105.15203): a [Mix Transformer](crate::mit) and a decode head of linear layers (section 3.2). For an image
//! `[batch, 3, H, W]` and a decoder of width `D` (256 for B0 and B1, 768 above):
//!
//! 1. the encoder: maps `[batch, C_i, H_i, W_i]`, at 1/4, 1/8, 1/16 and 1/32 of the side;
//! 2. each through a linear layer to `D`, resized bilinearly to H/4 x W/4: `[batch, D, H/4, W/4]`;
//! 3. the four side by side, through a 1x1 convolution, batch norm and ReLU: `[batch, D, H/4, W/4]`;
//! 4. a 1x1 convolution: logits `[batch, classes, H/4, W/4]`, which [`SegformerOutput`] resizes to the image.
//!
//! Step 2 and the convolution of step 3 are linear, so the head multiplies their weights first and convolves each map before
//! it is resized: the same result for a tenth of the work.
//!
//! Checkpoints load as Hugging Face transformers publishes them (`SegformerForSemanticSegmentation`).
//!
//! ```no_run
//! use mednn::{Backend, Segformer};
//! let device = "flex".parse::<Backend>()?.open()?;
//! let model = Segformer::from_pretrained("segformer-b0-finetuned-ade-512-512/", device.device())?;
//! # let images = burn::tensor::Tensor::<4>::zeros([1, 3, 512, 512], device.device());
//! let output = model.segment(images)?;               // images: [batch, 3, 512, 512], normalised
//! assert_eq!(output.labels().dims(), [1, 512, 512]);
//! # Ok::<(), mednn::Error>(())
//! ```
//!
//! To fine-tune an encoder that was trained for classification:
//!
//! ```no_run
//! use mednn::{Backend, Mit, SegformerConfig};
//! let device = Backend::Flex.open()?.device().clone().autodiff();
//! let encoder = Mit::from_pretrained("mit-b0/", &device)?;
//! let model = SegformerConfig::b0(4).init(&device).with_encoder(encoder)?;
//! # Ok::<(), mednn::Error>(())
//! ```

mod config;
mod decode_head;
mod model;
mod output;
mod weights;

pub use config::SegformerConfig;
pub use decode_head::DecodeHead;
pub use model::Segformer;
pub use output::SegformerOutput;
