//! A generalised grounder: no box, one or many for each sentence.
//!
//! After "Generalised Medical Phrase Grounding" (MedGrounder, arXiv 2512.01085): MDETR's body with few queries, each of which says
//! whether it stands for something (two-way softmax) and where. Sentences that describe nothing in the image get no box.
//! At inference boxes above a probability are fused ([`weighted_box_fusion`](medeval::detection::weighted_box_fusion)).

mod config;
mod loss;
mod model;

pub use config::GeneralisedGrounderConfig;
pub use loss::{GroundingLoss, generalised_grounder_loss};
pub use model::{GeneralisedGrounder, GeneralisedGrounderOutput};
