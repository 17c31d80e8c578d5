//! From images and volumes to segmentations.

mod components;
mod interaction;
mod output;
mod preprocess;
mod segmenter;
mod tiles;
mod volume;

pub use components::keep_components;
pub use interaction::{Interaction, interactive_mask};
pub use output::{Segmentation, VolumeSegmentation};
pub use preprocess::{Intensity, Preprocessor};
pub use segmenter::{PromptSegmenter, SegmentOptions};
pub use volume::{Plane, VolumeOptions};
