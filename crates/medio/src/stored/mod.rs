//! What the formats share: numbers as files store them, brought to voxels in one pass, and files written in one step.

mod atomic;
mod convert;
mod data_files;
mod encode;
mod encoded;
mod lines;
mod number;
mod source;
mod text;

pub(crate) use atomic::write_atomically;
pub(crate) use convert::voxels;
pub(crate) use data_files::{beside, numbered};
pub(crate) use encode::{Form, encode};
pub(crate) use encoded::{Encoding, Layout, Part, Place, Start, source as encoded_source};
pub(crate) use lines::Lines;
pub use number::{ByteOrder, NumberType, Scaling};
pub(crate) use source::Source;
