//! Losses of grounding, each alone.
//!
//! | loss | function |
//! |---|---|
//! | L1 and GIoU of boxes | [`box_losses`], [`generalized_iou`] |
//! | which query stands for which box | [`match_queries`] |
//! | tokens that a box is of | [`soft_token_loss`] |
//! | boxes beside their tokens, tokens beside their boxes | [`alignment_loss`] |
//! | whether a query stands for something | [`groundability_loss`] |
//! | the region of a phrase beside other regions | [`taco_loss`] |
//!
//! Boxes are centre x, centre y, width and height in 0..1.

mod alignment;
mod boxes;
mod groundability;
mod matching;
mod soft_token;
mod taco;

pub use alignment::alignment_loss;
pub use boxes::{box_losses, corners, generalized_iou};
pub use groundability::groundability_loss;
pub use matching::{MatchedQuery, MatchingWeights, match_queries, pick_queries};
pub use soft_token::soft_token_loss;
pub use taco::{TacoNegatives, taco_loss, taco_weight};
