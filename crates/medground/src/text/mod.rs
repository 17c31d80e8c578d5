//! The side of the phrase: token ids, and sentences of a report.

mod phrases;
mod sentences;

pub use phrases::{PhraseBatch, tokenize};
pub use sentences::{Sentence, sentences};
