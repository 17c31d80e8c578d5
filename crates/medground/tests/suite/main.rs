//! One binary for all integration tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bands;
mod common;
mod data;
mod grounding;
mod losses;
mod models;
mod small;
mod training;
