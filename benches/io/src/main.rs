//! Reading, scanning and resampling on command, to be timed in turns with peers by `benches/io.py`, or by itself.
//!
//! ```text
//! cargo run --release -p medburn-io-benches -- nifti scan.nii.gz        # milliseconds of a few runs
//! ```
//!
//! Without arguments it reads commands from standard input, one a line, and answers each with one line:
//!
//! | command | answer |
//! |---|---|
//! | `prepare OPERATION PATH` | `prepared`, when what is not to be timed is in memory |
//! | `run OPERATION PATH` | milliseconds, CRC-32 of the result, its size in bytes |
//! | `save OPERATION PATH OUTPUT` | the same; the result is in that file too |
//! | `quit` | nothing |
//!
//! The first line is `ready` and the operations (see [`operation`]). Paths hold no white space. A result is dropped once its
//! checksum is known, outside of the time.

mod error;
mod operation;
mod output;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::error::{Error, Result};
use crate::operation::{Operation, Prepared};
use crate::output::Output;

/// Runs operations on medical image files on command, or times one.
#[derive(Parser)]
struct Args {
    /// What to time.
    #[arg(requires = "path")]
    operation: Option<String>,
    /// The file or folder.
    path: Option<PathBuf>,
    /// How often to run it.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match (&args.operation, &args.path) {
        (Some(operation), Some(path)) => repeat(operation, path, args.rounds),
        _ => serve(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn repeat(operation: &str, path: &Path, rounds: usize) -> Result<()> {
    let prepared = Operation::named(operation)?.prepare(path)?;
    for _ in 0..rounds {
        let (output, milliseconds) = timed(&prepared)?;
        say(&format!("{milliseconds:.2} ms, {} bytes, CRC-32 {:08x}", output.bytes(), output.checksum()))?;
    }
    Ok(())
}

fn serve() -> Result<()> {
    let names: Vec<_> = Operation::ALL.iter().map(|o| o.name()).collect();
    say(&format!("ready {}", names.join(" ")))?;
    // What was prepared last, and from what.
    let mut at_hand: Option<(Operation, PathBuf, Prepared)> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Error::io(Path::new("standard input")))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let (operation, path, output) = match words.as_slice() {
            ["quit"] => break,
            ["prepare" | "run", operation, path] => (*operation, *path, None),
            ["save", operation, path, output] => (*operation, *path, Some(Path::new(*output))),
            _ => return Err(Error::Command { found: line }),
        };
        let operation = Operation::named(operation)?;
        let prepared = match at_hand.take() {
            Some((o, p, prepared)) if o == operation && p == Path::new(path) => prepared,
            _ => operation.prepare(Path::new(path))?,
        };
        if words.first() == Some(&"prepare") {
            say("prepared")?;
        } else {
            let (result, milliseconds) = timed(&prepared)?;
            if let Some(path) = output {
                result.save(path)?;
            }
            say(&format!("{milliseconds:.4} {:08x} {}", result.checksum(), result.bytes()))?;
        }
        at_hand = Some((operation, path.into(), prepared));
    }
    Ok(())
}

fn timed(prepared: &Prepared) -> Result<(Output, f64)> {
    let started = Instant::now();
    let output = prepared.run()?;
    Ok((output, 1e3 * started.elapsed().as_secs_f64()))
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::io(Path::new("standard output")))
}
