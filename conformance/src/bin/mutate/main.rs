//! Reads damaged copies of files, a million of them if told, and reports what panics, hangs, dies or takes too much memory.
//!
//! The work is done in processes of their own, so that one that dies costs one input. An input is told by its seed and number:
//! the same files, seed and number are the same bytes on every machine.

mod parent;
mod tally;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Parser;
use medio_conformance::mutation::Seed;
use medio_conformance::observe::{Came, Format, read_bytes};

/// An input that takes longer is a failure.
const SECONDS: u64 = 10;

/// Damaged files against medio.
#[derive(Parser, Clone)]
struct Arguments {
    /// Files and folders to damage the files of.
    #[arg(long, num_args = 1.., required = true)]
    inputs: Vec<PathBuf>,
    /// How many damaged inputs.
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// Which random numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first input: where to go on.
    #[arg(long, default_value_t = 0)]
    offset: u64,
    /// How many processes.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Longer files are passed over, as their headers are no different and their pixels take long; in KiB.
    #[arg(long, default_value_t = 512)]
    largest: u64,
    /// Only files of this format.
    #[arg(long)]
    format: Option<String>,
    /// MiB that any input may take, however small: tables and buffers of decoders.
    #[arg(long, default_value_t = 64)]
    allowance: u64,
    /// Bytes that an input may take for each byte of the file as it was, decompressed: a packed bit becomes 32 bits, and a
    /// decoder holds a copy.
    #[arg(long, default_value_t = 40)]
    times: u64,
    /// MiB in use at which requests are refused, so that a run does not take the machine down.
    #[arg(long, default_value_t = 3072)]
    limit: u64,
    /// Where reproducers go.
    #[arg(long, default_value = "target/mutate")]
    out: PathBuf,
    /// Which of the processes this is.
    #[arg(long, hide = true)]
    worker: Option<u64>,
}

/// A file to be damaged.
struct Input {
    path: PathBuf,
    format: Format,
    seed: Seed,
    whole: OnceLock<Option<Came>>,
}

impl Input {
    /// Whether a part of the file came to something else than the whole, although it could tell.
    fn differs(&self, came: Came) -> bool {
        let whole = self.whole.get_or_init(|| read_bytes(self.format, self.seed.bytes()).ok());
        *whole != Some(came) && self.format.tells_its_end(self.seed.plain())
    }

    /// The most bytes that reading a damaged copy may take.
    fn cap(&self, arguments: &Arguments) -> u64 {
        (arguments.allowance << 20) + arguments.times * self.seed.plain().len() as u64
    }
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let inputs = collect(&arguments)?;
    if inputs.is_empty() {
        return Err(std::io::Error::other("no file to damage among the inputs"));
    }
    match arguments.worker {
        Some(which) => worker::run(&arguments, &inputs, which),
        None => parent::run(&arguments, &inputs),
    }
}

/// The files, in an order that is the same everywhere.
fn collect(arguments: &Arguments) -> std::io::Result<Vec<Input>> {
    let mut paths = Vec::new();
    for path in &arguments.inputs {
        find(path, &mut paths)?;
    }
    let mut inputs = Vec::new();
    for path in paths {
        let length = std::fs::metadata(&path)?.len();
        if length == 0 || length > arguments.largest << 10 {
            continue;
        }
        let seed = Seed::new(std::fs::read(&path)?);
        let format = Format::of(seed.plain());
        let named = |name: &String| name == format.name();
        let too_long = seed.plain().len() as u64 > arguments.largest << 12;
        let compressed_dicom = format.is_dicom() && seed.is_compressed();
        if !too_long
            && !compressed_dicom
            && format.looks_like(seed.plain())
            && arguments.format.as_ref().is_none_or(named)
        {
            inputs.push(Input { path, format, seed, whole: OnceLock::new() });
        }
    }
    Ok(inputs)
}

fn find(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let mut entries =
        std::fs::read_dir(path)?.map(|e| e.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_unstable();
    entries.iter().try_for_each(|entry| find(entry, files))
}
