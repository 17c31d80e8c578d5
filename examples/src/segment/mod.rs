//! Segmenting a picture or a scan: the work behind the binary `segment`.
//!
//! | concept | item |
//! |---|---|
//! | what to do, and doing it | [`Job`], [`Job::run`] |
//! | a picture or a scan from a path | [`Input`] |
//! | masks as PNG | [`mask_file`] |
//! | clicks, boxes and scribbles as text | [`interactions`] |
//! | what was found: objects, areas, overlap with a truth | [`Findings`] |
//! | masks, overlays and tables as files | [`output`] |

mod findings;
mod input;
pub mod interactions;
mod job;
pub mod mask_file;
pub mod output;
mod weights;

pub use findings::{ClassFindings, Findings, Size, Unit};
pub use input::{Input, Picture};
pub use job::Job;
pub use weights::Weights;
