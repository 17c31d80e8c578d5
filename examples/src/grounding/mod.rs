//! Training phrase grounders: annotations and images from files, models from folders, stages with checkpoints, and their results.
//!
//! | concept | item |
//! |---|---|
//! | annotations in published formats, split by patient | [`AnnotationFormat`], [`AnnotationArgs`], [`Splits`] |
//! | PNG, JPEG and DICOM images by the names in annotations | [`ImageFolder`] |
//! | a model from pre-trained encoders or from a configuration | [`ModelArgs`] |
//! | one stage of training, with checkpoints and a curve | [`Stage`], [`train_stage`] |
//! | scores of each sample, and paired differences | [`Results`], [`compare`] |
//! | boxes over images | [`write_overlays`] |
//! | phrases and boxes out of label maps | [`phrases`] |

mod annotations;
mod fnv;
mod images;
mod model;
mod overlays;
pub mod phrases;
mod results;
mod splits;
mod stage;
mod vocabulary;

pub use annotations::{AnnotationArgs, AnnotationFormat};
pub use images::{ImageFolder, read_image};
pub use model::ModelArgs;
pub use overlays::write_overlays;
pub use results::{EvaluatedSet, Results, SampleResult, Score, compare, mean_boxes};
pub use splits::{SplitArgs, Splits};
pub use stage::{Stage, load_sample, train_stage};
