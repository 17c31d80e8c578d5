//! BERT, on token ids or on embeddings.
//!
//! "BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al., arXiv 1810.04805). [`Bert`] takes token ids and
//! loads checkpoints as Hugging Face transformers publishes them: `BertModel` and the models with a head on it
//! (bert-base, BioClinicalBERT, MiniLM and other sentence-transformers) and BiomedVLP-CXR-BERT. [`BertEncoder`] is what comes
//! after the word table: it takes a sequence of embeddings, as `BertModel` does through `inputs_embeds`. Slice-sequence encoders
//! use it over the slices of a study. Attention weights get no dropout in training, unlike there.
//!
//! ```
//! use burn::tensor::{Int, Tensor};
//! use mednn::bert::BertConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let config = BertConfig::new(32, 2, 4, 64).with_vocab_size(100);
//! let slices = Tensor::<3>::zeros([1, 40, 32], device);
//! assert_eq!(config.init(device).forward(slices, None).dims(), [1, 40, 32]);
//! let ids = Tensor::<2, Int>::from_ints([[1, 17, 42, 2]], device);
//! assert_eq!(config.init_model(device).forward(ids, None, None).dims(), [1, 4, 32]);
//! # }
//! ```

mod block;
mod config;
mod embeddings;
mod encoder;
mod model;
mod weights;

pub use block::BertBlock;
pub use config::BertConfig;
pub use embeddings::BertEmbeddings;
pub use encoder::BertEncoder;
pub use model::{Bert, BertPooler};

pub(crate) use config::wrong;
pub(crate) use encoder::run_blocks;
pub(crate) use weights::{MODEL_LAYERS, has_pooler, modern_names};
