//! Phrases to vectors: one type for all text encoders, and with the Cargo feature `text` their tokenisers.
//!
//! A folder as Hugging Face lays it out (`config.json`, `model.safetensors`, `tokenizer.json`) becomes a `TextEncoder`:
//!
//! ```no_run
//! # #[cfg(feature = "text")] {
//! use mednn::{Backend, text::TextEncoder};
//! let device = "flex".parse::<Backend>()?.open()?;
//! let encoder = TextEncoder::from_pretrained("BiomedVLP-CXR-BERT/", device.device())?;
//! let encoding = encoder.encode(&["left pleural effusion", "enlarged heart"])?;
//! let [batch, _longest, width] = encoding.tokens().dims();   // a vector for each token
//! assert_eq!(encoding.mean().dims(), [batch, width]);        // and one for each phrase
//! let effusion = encoding.tokens_of(0, 13..21);              // the tokens of characters 13 to 20 of the first
//! # }
//! # Ok::<(), mednn::Error>(())
//! ```
//!
//! Phrases that are too long are cut off at the end, as transformers does with `truncation=True`, and
//! `TextEncoding::truncated` says which: the default is 512 tokens or what the model has positions for, whichever is less. Texts
//! above 256 KiB are refused. Memory and time are thus bounded whatever the phrase.

mod config;
#[cfg(feature = "text")]
mod encoder;
mod model;
#[cfg(feature = "text")]
mod output;
#[cfg(feature = "text")]
mod tokenizer;

pub use config::TextConfig;
#[cfg(feature = "text")]
pub use encoder::TextEncoder;
pub use model::TextModel;
#[cfg(feature = "text")]
pub use output::{TextEncoding, Truncation};
#[cfg(feature = "text")]
pub use tokenizer::{MAX_PHRASE_BYTES, Tokenizer, Tokens};
