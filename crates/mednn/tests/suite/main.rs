//! Tests against golden files of the references, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[cfg(all(feature = "wgpu", target_os = "linux"))]
mod devices;
mod encoders;
mod numerics;
#[cfg(feature = "text")]
mod text;
mod weights;
