//! What the benchmark binaries share.
//!
//! | concept | module |
//! |---|---|
//! | `--device` | [`device`] |
//! | time per kind of work, medians | [`laps`] |
//! | peak memory of the process | [`memory`] |
//! | a made-up CT of any size | [`phantom`] |
//! | encoding a study, stage by stage | [`stages`] |
//! | a vision transformer, operation by operation | [`operations`] |
//! | tensors in safetensors files | [`tensors`] |
//! | tables | [`table`] |

pub mod device;
mod error;
pub mod laps;
pub mod memory;
pub mod operations;
pub mod phantom;
pub mod stages;
pub mod table;
pub mod tensors;

pub use error::{Error, Result, exit};
