//! Reads each path of a list and says what came out, one JSON line an image or refusal.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;
use medio_conformance::observe::observe;
use rayon::prelude::*;

/// What medio says about files and folders, as JSON lines.
#[derive(Parser)]
struct Arguments {
    /// A file with one path a line; `-` for standard input.
    #[arg(long, default_value = "-")]
    list: PathBuf,
    /// Where to write the values as little-endian f32, one file an image.
    #[arg(long)]
    dump: Option<PathBuf>,
    /// Paths, besides those of the list.
    paths: Vec<PathBuf>,
}

fn main() -> std::io::Result<()> {
    let Arguments { list, dump, mut paths } = Arguments::parse();
    if paths.is_empty() {
        let input: Box<dyn BufRead> = if list.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(BufReader::new(std::fs::File::open(&list)?))
        };
        paths = input.lines().map(|line| line.map(PathBuf::from)).collect::<std::io::Result<_>>()?;
    }
    if let Some(folder) = &dump {
        std::fs::create_dir_all(folder)?;
    }
    // A batch at a time, so that lines come out as work is done and in the order of the list.
    let mut out = BufWriter::new(std::io::stdout().lock());
    for batch in paths.chunks(64) {
        let observed: Vec<_> = batch.par_iter().map(|path| observe(path, dump.as_deref())).collect();
        for observation in observed.iter().flatten() {
            serde_json::to_writer(&mut out, observation)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}
