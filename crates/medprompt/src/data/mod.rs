//! From annotations to masks: values of label maps, annotations in COCO's format, which samples are trained on.
//!
//! Text and arrays only; files are read elsewhere.

mod classes;
mod coco;
mod polygon;
mod rle;
mod split;

pub use classes::Classes;
pub use coco::{CocoAnnotations, CocoImage, CocoObject, DropReason, DroppedRow};
pub use rle::RunLengths;
pub use split::{Split, split_by_group, subset_by_group};
