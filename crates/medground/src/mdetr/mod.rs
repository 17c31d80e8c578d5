//! MDETR: boxes that point at the tokens of a text.
//!
//! "MDETR: Modulated Detection for End-to-End Multi-Modal Understanding" (Kamath et al., ICCV 2021, arXiv 2104.12763).
//!
//! | after | shape |
//! |---|---|
//! | image in its square | `[batch, 3, 640, 640]` |
//! | backbone, 1x1 convolution, with sine positions | `[batch, 400, 256]` |
//! | text encoder, linear layer, layer norm, without positions | `[batch, length, 256]` |
//! | encoder over both | `[batch, 400 + length, 256]` |
//! | decoder of learned queries | `[batch, 100, 256]` |
//! | token head | `[batch, 100, 256]` logits: 255 token slots, and the last of *no object* |
//! | box head | `[batch, 100, 4]`: centre x, centre y, width, height in 0..1 of the square |
//! | alignment heads | `[batch, 100, 64]` and `[batch, length, 64]`, of length 1 |
//!
//! The score of a box is `1 - P(no object)`.

mod config;
mod loss;
mod model;

pub use config::MdetrConfig;
pub use loss::{MdetrLoss, MdetrTargets, mdetr_loss};
pub use model::{Mdetr, MdetrOutput};

pub(crate) use loss::{matched_boxes, rows_of_four, wrong};
