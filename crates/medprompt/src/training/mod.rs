//! What training is made of: losses, data, optimiser, checkpoints.

mod augmentation;
mod batch;
mod checkpoint;
mod early_stopping;
mod loss;
mod multi_task;
mod random;
mod schedule;
mod trainer;

pub use augmentation::Augmentation;
pub(crate) use batch::check_finite;
pub use batch::{Batch, Sample};
pub use early_stopping::EarlyStopping;
pub use loss::Loss;
pub use random::Random;
pub use schedule::cosine_rate;
pub use trainer::{Trainer, TrainingConfig};
