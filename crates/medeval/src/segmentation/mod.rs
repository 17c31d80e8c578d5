//! Segmentations beside their truth.
//!
//! | question | measure |
//! |---|---|
//! | how much of the masks is common | [`dice`], [`iou`], [`overlap`], [`LabelOverlaps`] |
//! | how far apart are their surfaces, in mm | [`SurfaceDistances`]: Hausdorff, HD95, average, normalised surface Dice |
//! | how far is each voxel from a mask, in mm | [`distance_transform`] |
//! | how good is a map of foreground probabilities | [`s_measure`], [`e_measure`], [`weighted_f_measure`], [`mean_absolute_error`] |
//!
//! Masks are `ndarray` views of `bool`, `[row, column]` or `[slice, row, column]`; label maps of `u16` with 0 for the background.
//! The mask of label 3 of a label map is `labels.mapv(|label| label == 3)`.
//!
//! Empty masks have defined answers:
//!
//! | | both empty | one empty |
//! |---|---|---|
//! | Dice, IoU, normalised surface Dice | 1 | 0 |
//! | Hausdorff, HD95, average surface distance | 0 mm | infinite |

mod dimension;
mod distance_transform;
mod e_measure;
mod feature_transform;
mod label_overlap;
mod mean_absolute_error;
mod nearest_point;
mod overlap;
mod s_measure;
mod surface;
mod surface_distance;
mod weighted_f_measure;

pub use dimension::MaskDimension;
pub use distance_transform::distance_transform;
pub use e_measure::{EMeasure, e_measure};
pub use label_overlap::LabelOverlaps;
pub use mean_absolute_error::mean_absolute_error;
pub use overlap::{dice, iou, overlap};
pub use s_measure::s_measure;
pub use surface_distance::SurfaceDistances;
pub use weighted_f_measure::weighted_f_measure;
