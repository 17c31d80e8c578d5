//! Running a network on command, to be timed in turns with its peers.
//!
//! Commands come on standard input, one a line, and each is answered with one line:
//!
//! | command | answer |
//! |---|---|
//! | `run` | milliseconds of one forward pass or one training step |
//! | `check` | in training only, a step that is not timed: the loss before it, and the length of the gradient |
//! | `memory` | most memory that was resident, in bytes; `unknown` where the system does not say |
//! | `save PATH` | not in training: `saved`, when the output of one more run is in that file as `output` |
//! | `quit` | nothing |
//!
//! The first line is `ready` and the name of the device.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;

use crate::error::{Error, Result};
use crate::laps::synchronize;
use crate::networks::Workload;
use crate::training::Trainer;
use crate::{memory, tensors};

/// Answers until `quit` or the end of the input, with forward passes.
///
/// # Errors
/// [`Error::Unfit`] on another command; whatever a run meets.
pub fn infer<M: Module, I, const D: usize>(
    workload: &Workload<M, I, D>,
    about: &str,
    device: &Device,
) -> Result<()> {
    answer(&format!("ready {about}"))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Error::io(Path::new("standard input")))?;
        match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
            ("run", "") => {
                let started = Instant::now();
                let output = workload.run()?;
                synchronize(device)?;
                answer(&milliseconds(started))?;
                drop(output);
            }
            ("save", path) if !path.is_empty() => {
                tensors::write(Path::new(path), "output", workload.run()?)?;
                answer("saved")?;
            }
            ("memory", "") => answer(&peak())?,
            ("quit", "") => break,
            _ => return Err(unknown("run, save PATH, memory or quit", line)),
        }
    }
    Ok(())
}

/// Answers until `quit` or the end of the input, with training steps.
///
/// # Errors
/// As [`infer`].
pub fn train<M: Module, I, const D: usize>(mut trainer: Trainer<M, I, D>, about: &str) -> Result<()> {
    answer(&format!("ready {about}"))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Error::io(Path::new("standard input")))?;
        match line.trim() {
            "run" => {
                let started = Instant::now();
                (trainer, _) = trainer.step()?;
                answer(&milliseconds(started))?;
            }
            "check" => {
                let (next, loss, norm) = trainer.checked_step()?;
                trainer = next;
                answer(&format!("{loss:.9e} {norm:.9e}"))?;
            }
            "memory" => answer(&peak())?,
            "quit" => break,
            _ => return Err(unknown("run, check, memory or quit", line)),
        }
    }
    Ok(())
}

fn milliseconds(started: Instant) -> String {
    format!("{:.4}", 1e3 * started.elapsed().as_secs_f64())
}

fn peak() -> String {
    memory::peak().map_or_else(|| "unknown".to_string(), |bytes| bytes.to_string())
}

fn unknown(expected: &str, found: String) -> Error {
    Error::Unfit { what: "command", expected: expected.to_string(), found }
}

fn answer(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::io(Path::new("standard output")))
}
