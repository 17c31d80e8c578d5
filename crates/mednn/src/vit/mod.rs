//! Vision transformers: ViT and DINO, DINOv2, DINOv2 with registers.
//!
//! "An Image is Worth 16x16 Words" (Dosovitskiy et al., arXiv 2010.11929), DINO (Caron et al., arXiv 2104.14294), DINOv2
//! (Oquab et al., arXiv 2304.07193) and registers (Darcet et al., arXiv 2309.16588). Checkpoints load as Hugging Face
//! transformers publishes them, of `model_type` `vit`, `dinov2` and `dinov2_with_registers`.
//!
//! ```no_run
//! use mednn::{Backend, Vit};
//! let device = "flex".parse::<Backend>()?.open()?;
//! let vit = Vit::from_pretrained("dinov2-small/", device.device())?;
//! # let images = burn::tensor::Tensor::<4>::zeros([1, 3, 224, 224], device.device());
//! let output = vit.encode(images)?;                 // images: [batch, 3, 224, 224], normalised
//! assert_eq!(output.cls().dims(), [1, 384]);
//! # Ok::<(), mednn::Error>(())
//! ```

mod block;
mod config;
mod embeddings;
mod model;
mod output;
mod weights;

pub use block::{LayerScale, VitBlock};
pub use config::{VitConfig, VitFamily};
pub use embeddings::VitEmbeddings;
pub use model::Vit;
pub use output::VitOutput;
