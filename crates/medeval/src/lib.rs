//! Evaluation: metrics and statistics.
mod check;
mod confusion_counts;
mod error;
pub mod segmentation;
pub use confusion_counts::ConfusionCounts;
pub use error::{Error, Result};
