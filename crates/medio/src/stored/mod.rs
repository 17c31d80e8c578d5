//! What the formats share: numbers as files store them, brought to voxels in one pass, and files written in one step.

mod atomic;
mod cast;
mod convert;
mod gzip;
mod number;
mod raw;
mod source;

pub(crate) use atomic::write_atomically;
pub(crate) use convert::{Coding, Runs, read_runs, voxels};
pub(crate) use gzip::GzipWriter;
pub use number::{ByteOrder, NumberType, Scaling};
pub(crate) use raw::Raw;
pub(crate) use source::Source;
