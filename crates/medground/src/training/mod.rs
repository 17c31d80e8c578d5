//! Training: batches, augmentation without flips, AdamW with a rate for each part, exact resuming, features of frozen encoders that
//! are kept from epoch to epoch, and the recipe of two stages.

mod augmentation;
mod batch;
mod config;
mod feature_cache;
mod optimizer;
mod recipe;
mod trainer;

pub use augmentation::{Augmentation, Flip};
pub use batch::{BatchImages, TacoTerm, TrainingBatch};
pub use config::TrainingConfig;
pub use feature_cache::FeatureCacheOptions;
pub use optimizer::ModelPart;
pub use recipe::{finetune_on_phrases, pretrain_on_anatomy};
pub use trainer::{Trainer, TrainingStep};
