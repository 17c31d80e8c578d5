//! RoBERTa on token ids.
//!
//! "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (Liu et al., arXiv 1907.11692): BERT's encoder over a byte-level
//! vocabulary. Positions begin at `pad_token_id + 1` and padding has none. Checkpoints load as Hugging Face transformers
//! publishes them: `RobertaModel` and the models with a head on it, such as roberta-base.
//!
//! ```
//! use burn::tensor::{Int, Tensor};
//! use mednn::bert::BertConfig;
//! use mednn::roberta::RobertaConfig;
//! # if let Ok(opened) = mednn::Backend::Flex.open() {
//! # let device = opened.device();
//! let config = RobertaConfig::new(BertConfig::new(32, 2, 4, 64).with_vocab_size(100));
//! let ids = Tensor::<2, Int>::from_ints([[0, 17, 42, 2]], device);
//! assert_eq!(config.init(device).forward(ids, None).dims(), [1, 4, 32]);
//! # }
//! ```

mod config;
mod model;
mod weights;

pub use config::RobertaConfig;
pub use model::Roberta;
