//! Tests against golden files of the references, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod detr;
#[cfg(all(feature = "wgpu", target_os = "linux"))]
mod devices;
mod encoders;
mod gradients;
#[cfg(feature = "kernels")]
mod int8;
mod numerics;
#[cfg(feature = "kernels")]
mod ops;
#[cfg(all(feature = "kernels", feature = "optim"))]
mod optim;
#[cfg(feature = "kernels")]
mod packed;
mod resnet;
mod segformer;
mod segformer_training;
mod segformer_weights;
#[cfg(feature = "text")]
mod text;
mod weights;
