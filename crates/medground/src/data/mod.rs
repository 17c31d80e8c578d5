//! Annotations in the formats in which they are published.
//!
//! | data set | reader |
//! |---|---|
//! | Chest ImaGenome, scene graphs | [`read_chest_imagenome`], [`chest_imagenome_splits`] |
//! | MS-CXR, COCO JSON | [`read_ms_cxr`] |
//! | PadChest-GR, JSON and master table | [`read_padchest_gr`], [`read_padchest_master`] |
//! | VinDr-CXR, table | [`read_vindr_cxr`] |
//! | RSNA pneumonia detection, table | [`read_rsna`] |
//! | one JSON object a line | [`read_json_lines`] |
//!
//! All take text and give samples in file order, with a [`ReadReport`] of the rows that were left out and why. None of the data is here:
//! most of it needs credentialed access.

mod anatomy;
mod chest_imagenome;
mod json_lines;
mod laterality;
mod ms_cxr;
mod padchest_gr;
mod sample;
mod split;
mod table;
mod tables;

pub use anatomy::{AnatomicalStructure, CHEST_IMAGENOME_STRUCTURES};
pub use chest_imagenome::{ChestImaGenomeOptions, chest_imagenome_splits, read_chest_imagenome};
pub use json_lines::read_json_lines;
pub use laterality::Laterality;
pub use ms_cxr::read_ms_cxr;
pub use padchest_gr::{PadChestImage, PadChestLanguage, read_padchest_gr, read_padchest_master};
pub use sample::{DropReason, DroppedRow, GroundingSample, ReadReport, ReadSamples, Split};
pub use split::{shared_patients, split_by_patient};
pub use tables::{read_rsna, read_vindr_cxr};
