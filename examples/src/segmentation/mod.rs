//! Training segmentation models: data sets from files, the course of a training, its scores and pictures.
//!
//! | concept | item |
//! |---|---|
//! | arguments of data, model and steps | [`DataArgs`], [`ModelArgs`], [`StepArgs`] |
//! | an image with its truth, where it comes from, and how it is cut to size | [`Item`], [`Source`], [`Cutting`] |
//! | pairs of pictures, COCO annotations, slices of volumes | [`read_pairs`], [`read_coco`], [`read_volumes`] |
//! | which side of the split, which patient | [`Manifest`] |
//! | steps, scores between them, checkpoints | [`Fit`], [`StateFolder`] |
//! | several data sets for one model, its steps | [`Task`], [`MultiTaskFit`] |
//! | Dice, HD95, S, E and weighted F of each item | [`ItemScores`] |
//! | what a training was made with | [`Settings`] |
//! | many trainings side by side, and their table | [`Comparison`], [`markdown`] |
//! | curves, samples | [`write_curves`], [`write_samples`] |

mod arguments;
mod coco_folder;
mod compare;
mod fit;
mod item;
mod left_out;
mod manifest;
mod multi_task;
mod pairs;
mod report;
mod scores;
mod settings;
mod slices;
mod table;
mod tasks;

pub use arguments::{Arm, DataArgs, DataKind, Dataset, LossName, ModelArgs, StepArgs};
pub use coco_folder::read_coco;
pub use compare::{Comparison, NamedArm, Run, read_runs};
pub use fit::{Curves, Fit, StateFolder};
pub use item::{Cutting, Item, Source, read_image};
pub use manifest::{Entry, Manifest, Side};
pub use multi_task::MultiTaskFit;
pub use pairs::read_pairs;
pub use report::{write_curves, write_samples};
pub use scores::{ItemScores, Prediction, dice, mean, predict, summary, write_scores};
pub use settings::Settings;
pub use slices::{SlicePlane, Slicing, read_volumes};
pub use table::markdown;
pub use tasks::{Task, TaskItems, read_tasks};
