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
//! | a network and its input | [`networks`] |
//! | a training step | [`training`] |
//! | runs on command | [`commands`] |
//! | where the time of a vision transformer goes | [`profile`] |
//! | tensors in safetensors files | [`tensors`] |
//! | tables | [`table`] |

pub mod commands;
pub mod device;
mod error;
pub mod laps;
pub mod memory;
pub mod networks;
pub mod operations;
pub mod phantom;
pub mod profile;
pub mod stages;
pub mod table;
pub mod tensors;
pub mod training;

pub use error::{Error, Result, exit};
