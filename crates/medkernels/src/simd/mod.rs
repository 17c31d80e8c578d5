//! Registers of `f32` behind one trait, and which instruction set is in use.
//!
//! Kernels are written once over [`Simd`] and compiled for each instruction set; [`run`] picks one when called.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod fold;
mod isa;
mod map;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod rows;
mod vector;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use dispatch::{Kernel, run};
pub(crate) use fold::fold;
pub use isa::{Isa, ParseIsaError, with_isa};
pub(crate) use map::{Map, Zip, map_in_place, map_into, zip_into};
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;
pub(crate) use rows::{Matrix, MatrixMut, Rows, for_each_block};
pub(crate) use vector::{MAX_LANES, Part, Simd};
