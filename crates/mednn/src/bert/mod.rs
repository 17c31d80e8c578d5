//! BERT on embeddings.
//!
//! The encoder of "BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al., arXiv 1810.04805) without its
//! word table: it takes a sequence of embeddings, as transformers' `BertModel` does through `inputs_embeds`. Slice-sequence
//! encoders use it over the slices of a study.
//!
//! ```
//! use burn::tensor::Tensor;
//! use mednn::bert::BertConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let encoder = BertConfig::new(32, 2, 4, 64).init(device);
//! let slices = Tensor::<3>::zeros([1, 40, 32], device);
//! assert_eq!(encoder.forward(slices, None).dims(), [1, 40, 32]);
//! # }
//! ```

mod config;
mod model;
mod weights;

pub use config::BertConfig;
pub use model::{BertBlock, BertEmbeddings, BertEncoder};
