//! Distilling a small slice encoder from a large one, and teaching a sequence model over its slices.
//!
//! The student starts as the teacher's first blocks, sees the same views as the teacher and learns to predict the teacher's class and patch tokens, standardised
//! per channel, through a linear map each: "Distilling the Knowledge in a Neural Network" (Hinton et al., arXiv
//! 1503.02531) at the level of features. The sequence model then learns by masked embedding modelling.

mod data;
mod sequence;
mod student;
mod views;

pub use data::{FeatureTable, TeacherFeatures};
pub use sequence::{SequenceTraining, train_sequence};
pub use student::{Student, StudentTraining, Taught, first_blocks, train_student};
pub use views::{View, ViewSampler};
