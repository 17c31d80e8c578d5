//! From images and volumes to segmentations.

mod components;
mod interaction;
mod output;
mod preprocess;
mod progress;
mod resizing;
mod segformer;
mod segmenter;
mod tiles;
mod usage;
mod volume;

pub use components::{Component, components, keep_components};
pub use interaction::{Interaction, interactive_mask};
pub use output::{Segmentation, VolumeSegmentation};
pub use preprocess::{Intensity, Preprocessor};
pub use progress::{Progress, ProgressFn};
pub use resizing::Resizing;
pub use segmenter::{PromptSegmenter, SegmentOptions};
pub use usage::Usage;
pub use volume::{Plane, VolumeOptions};
