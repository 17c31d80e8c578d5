//! Prompted segmentation beside golden files, and what training may and may not change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adaptation;
mod common;
mod data;
mod detail;
mod high_pass;
mod inference;
mod multi_task;
mod readout;
mod superpixel;
mod training;
mod usage;
mod visual_prompts;
mod weights;
