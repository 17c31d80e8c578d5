//! Any of the models, and what they share.

mod config;
mod cross_modal;
mod grounding;
pub(crate) mod parts;

pub use config::GroundingConfig;
pub use cross_modal::{CrossModalConfig, CrossModalOutput, CrossModalTransformer};
pub use grounding::{CandidateBoxes, GroundingModel};

pub(crate) use cross_modal::IGNORED as CROSS_MODAL_IGNORED;
