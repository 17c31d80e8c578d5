//! Superpixels on command, to be timed in turns with peers by `benches/superpixel.py`.
//!
//! Reads commands from standard input, one a line, and answers each with one line:
//!
//! | command | answer |
//! |---|---|
//! | `load TYPE CHANNELS SLICES ROWS COLUMNS SLICE_MM ROW_MM COLUMN_MM PATH` | `loaded` |
//! | `run SEGMENTS [OPTION=NUMBER ...]` | milliseconds, regions |
//! | `save PATH` | `saved`; the labels of the last run are there as little-endian `u32` |
//! | `quit` | nothing |
//!
//! `TYPE` is `u8` or `i16`. Options are those of [`medsuperpixel::Slic`]: `compactness`, `iterations`, `row_stride`, `tolerance`, `smoothing`,
//! `adaptive` (0 or 1), `min_size`. The first line is `ready`. Paths hold no white space.

mod error;
mod pixels;

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use medsuperpixel::{Connectivity, Slic, Superpixels};

use crate::error::{Error, Result};
use crate::pixels::{Pixels, bad};

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<()> {
    say("ready")?;
    let mut pixels: Option<Pixels> = None;
    let mut found: Option<Superpixels> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Error::io(Path::new("standard input")))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["quit"] => break,
            ["load", rest @ ..] => {
                pixels = Some(Pixels::load(rest)?);
                say("loaded")?;
            }
            ["run", segments, options @ ..] => {
                let pixels = pixels.as_ref().ok_or_else(|| bad("load before run", &line))?;
                let slic = slic(segments, options)?;
                let started = Instant::now();
                let superpixels = pixels.divide(&slic)?;
                let milliseconds = 1e3 * started.elapsed().as_secs_f64();
                say(&format!("{milliseconds:.4} {}", superpixels.count()))?;
                found = Some(superpixels);
            }
            ["save", path] => {
                let found = found.as_ref().ok_or_else(|| bad("run before save", &line))?;
                let bytes: Vec<u8> = found.labels().iter().flat_map(|l| l.to_le_bytes()).collect();
                std::fs::write(path, bytes).map_err(Error::io(Path::new(path)))?;
                say("saved")?;
            }
            _ => return Err(bad("load, run, save or quit with their arguments", &line)),
        }
    }
    Ok(())
}

fn slic(segments: &str, options: &[&str]) -> Result<Slic> {
    let mut slic = Slic::new(segments.parse().map_err(|_| bad("a number of segments", segments))?);
    for option in options {
        let wrong = || bad("OPTION=NUMBER", option);
        let (name, value) = option.split_once('=').ok_or_else(wrong)?;
        let value: f64 = value.parse().map_err(|_| wrong())?;
        slic = match name {
            "compactness" => slic.compactness(value),
            "iterations" => slic.max_iterations(value as usize),
            "row_stride" => slic.row_stride(value as usize),
            "tolerance" => slic.tolerance(value),
            "smoothing" => slic.smoothing(value),
            "adaptive" => slic.adaptive(value != 0.0),
            "min_size" => {
                slic.connectivity(Connectivity::Enforce { min_size: value, max_size: f64::INFINITY })
            }
            _ => return Err(wrong()),
        };
    }
    Ok(slic)
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::io(Path::new("standard output")))
}
