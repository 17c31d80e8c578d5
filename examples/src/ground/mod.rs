//! Phrases to boxes in a radiograph.
//!
//! | concept | item |
//! |---|---|
//! | the image, from a file of any kind | [`Radiograph`], [`RadiographOptions`], [`Plane`] |
//! | what phrases and the sentences of a report stand for | [`ground_phrases`], [`ground_report`], [`GroundedPhrase`] |
//! | the picture | [`overlay`] |
//! | table, JSON, DICOM report | [`table`], [`write_json`], [`write_report`] |
//! | training and measuring the weights of fixtures | [`Annotations`], [`train`], [`measure`] |

mod demonstration;
mod overlay;
mod phrases;
mod radiograph;
mod results;

pub use demonstration::{Annotations, DemonstrationScores, KindScores, Progress, measure, train, untrained};
pub use overlay::overlay;
pub use phrases::{GroundedPhrase, PHRASES, ground_phrases, ground_report, with_threshold};
pub use radiograph::{Plane, Radiograph, RadiographOptions};
pub use results::{table, write_json, write_report};
