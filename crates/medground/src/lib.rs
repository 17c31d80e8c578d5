//! Phrase grounding on [burn](https://burn.dev): a phrase in, scored boxes in the image and in the patient out.
//!
//! | concept | where |
//! |---|---|
//! | images and phrases in, boxes out | [`PhraseGrounder`], [`Hit`] |
//! | image features used again for many phrases | [`PreparedImage`], [`PhraseGrounder::ground_all`] |
//! | the sentences of a report | [`PhraseGrounder::ground_report`] |
//! | volumes: boxes in LPS with their slices | [`PhraseGrounder::ground_volume`], [`VolumeHit`] |
//! | one box for each phrase | [`transvg`] |
//! | scored boxes, and the tokens they are of | [`mdetr`] |
//! | no box, one or many | [`grounder`] |
//! | any of the three, by `config.json` | [`model`] |
//! | into a square, through a backbone, back to the patient | [`vision`] |
//! | L1 and GIoU, soft tokens, alignment, groundability, TaCo | [`losses`] |
//! | annotations in published formats | [`data`] |
//! | training, exact resuming, the recipe of two stages | [`training`] |
//!
//! Boxes are in pixels of the original image; where the image knows its spacing and place, in millimetres and LPS too. Left and right are
//! the patient's: no transform of this crate mirrors an image unless told to, and then phrases change sides with it.
//!
//! [`evaluate`] gives mean IoU, accuracy and set-F1 with intervals by patient, out of [`medeval`]; files of images are read by other crates.
//!
//! Numbers of these models on chest radiographs need data with credentialed access; this crate ships no weights.

pub mod data;
mod error;
mod evaluation;
pub mod grounder;
pub mod losses;
pub mod mdetr;
pub mod model;
mod phrase_grounder;
mod stored_values;
pub mod text;
pub mod training;
pub mod transvg;
pub mod vision;
mod volume;

pub use error::{Error, Result};
pub use evaluation::{GroundedSample, GroundingScores, evaluate};
pub use phrase_grounder::{GroundOptions, Hit, PhraseGrounder, PreparedImage, SentenceGrounding};
pub use volume::{PreparedVolume, VolumeHit, VolumeOptions};
