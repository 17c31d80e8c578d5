//! Evaluation: metrics and statistics.
mod check;
pub mod classification;
mod confusion_counts;
pub mod detection;
mod error;
pub mod segmentation;
pub mod statistics;
pub use confusion_counts::ConfusionCounts;
pub use error::{Error, Result};
