//! Boxes beside their truth.
//!
//! | question | measure |
//! |---|---|
//! | how well do two boxes agree | [`BoundingBox::iou`], [`BoundingBox::giou`], [`iou_matrix`], [`giou_matrix`] |
//! | which predicted box stands for which true one | [`match_boxes`], over [`linear_assignment`] |
//! | one box per phrase | [`paired_iou`], [`mean_iou`], [`accuracy_at_iou`] |
//! | none, one or many boxes per phrase | [`set_f1`] |
//! | scored boxes over many images | [`DetectionCurve`], [`coco_average_precision`] |
//! | many boxes for one thing | [`non_maximum_suppression`], [`weighted_box_fusion`] |
//!
//! All of it works on [`PixelBox`](medcore::PixelBox) and on [`Box3`](medcore::Box3) of any space.

mod assignment;
mod average_precision;
mod bounding_box;
mod box_fusion;
mod grounding;
mod matching;
mod non_maximum_suppression;

pub use assignment::linear_assignment;
pub use average_precision::{DetectionCurve, ImageBoxes, coco_average_precision};
pub use bounding_box::{BoundingBox, ScoredBox, giou_matrix, iou_matrix};
pub use box_fusion::{FusionOptions, weighted_box_fusion};
pub use grounding::{accuracy_at_iou, mean_iou, paired_iou, set_f1};
pub use matching::{BoxPair, Matching, match_boxes};
pub use non_maximum_suppression::non_maximum_suppression;
