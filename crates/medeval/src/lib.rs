//! Evaluation: metrics and statistics for medical imaging.
//!
//! | module | what it measures |
//! |---|---|
//! | [`segmentation`] | masks and label maps: Dice, IoU, Hausdorff and surface distances in mm; foreground maps: S, E, weighted F |
//! | [`detection`] | boxes in 2D and 3D: IoU, matching, grounding accuracy, average precision; fusing boxes |
//! | [`classification`] | scores and classes: ROC AUC, average precision, confusion matrix, calibration |
//! | [`statistics`] | bootstrap over patients, paired comparison, rank tests, many tests at once |
//! | [`probes`] | what frozen features know: linear and nearest-neighbour probes, class separation, CKA, overlay bias |
//!
//! Plain arrays in, numbers out: no file formats, no neural networks. Everything that is random takes a seed, and answers do not depend
//! on the number of threads. Input that a measure is not defined for is a typed [`Error`], never NaN.
//!
//! ```
//! use medcore::PixelSpacing;
//! use medeval::segmentation::{SurfaceDistances, dice};
//! use ndarray::{Array2, s};
//!
//! let mut truth = Array2::from_elem([32, 32], false);
//! truth.slice_mut(s![8..20, 8..20]).fill(true);
//! let mut predicted = Array2::from_elem([32, 32], false);
//! predicted.slice_mut(s![8..20, 10..22]).fill(true);
//! assert!(dice(predicted.view(), truth.view())? > 0.8);
//! let spacing = PixelSpacing { row: 0.5, column: 0.5 };
//! let surfaces = SurfaceDistances::between(predicted.view(), truth.view(), spacing)?;
//! assert_eq!(surfaces.hd95(), 1.0);
//! # Ok::<(), medeval::Error>(())
//! ```

mod check;
pub mod classification;
mod confusion_counts;
pub mod detection;
mod error;
pub mod probes;
pub mod segmentation;
pub mod statistics;

pub use confusion_counts::ConfusionCounts;
pub use error::{Error, Result};
