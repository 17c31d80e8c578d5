//! What the formats share: numbers as files store them, brought to voxels in one pass, and files written in one step.

mod atomic;
mod cast;
mod convert;
mod number;
mod raw;
mod source;

pub(crate) use atomic::write_atomically;
pub(crate) use convert::voxels;
pub use number::{ByteOrder, NumberType, Scaling};
pub(crate) use source::Source;
