//! ModernBERT on token ids.
//!
//! "Smarter, Better, Faster, Longer" (Warner et al., arXiv 2412.13663): pre-norm blocks without biases, rotary positions, GeGLU,
//! and attention that sees the whole sequence in every third block and a window elsewhere. Checkpoints load as Hugging Face
//! transformers publishes them: `ModernBertModel` and the models with a head on it, such as BioClinical-ModernBERT-base.
//! There is no dropout, as in the published configurations.
//!
//! ```
//! use burn::tensor::{Int, Tensor};
//! use mednn::modernbert::ModernBertConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let config = ModernBertConfig::new(32, 4, 4, 48).with_vocab_size(100).with_max_position_embeddings(256);
//! let ids = Tensor::<2, Int>::from_ints([[1, 17, 42, 2]], device);
//! assert_eq!(config.init(device).forward(ids, None).dims(), [1, 4, 32]);
//! # }
//! ```

mod attention;
mod block;
mod config;
mod local;
mod model;
mod rotary;
mod weights;

pub use attention::RotaryAttention;
pub use block::{GatedFeedForward, ModernBertBlock};
pub use config::ModernBertConfig;
pub use model::{AttentionContext, ModernBert};
pub use rotary::{Rotary, RotaryTable};
