//! Elementary functions, activations, softmax and normalisation against plain `f64` references.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod activation;
mod batch_norm;
mod common;
mod math;
mod norm;
mod optimizer;
mod softmax;
