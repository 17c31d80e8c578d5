//! Whole studies through a slice-sequence encoder: slices per second, memory, and where the time goes.
//!
//! ```text
//! cargo run --release --bin bench-embed
//! cargo run --release --bin bench-embed -- --weights dinov2-small/ --slices 200 400 --slice-batch 1 8 32
//! ```
//!
//! Makes a CT of each number of slices, writes it as an uncompressed 16-bit NIfTI file to a temporary folder, and encodes it from
//! that file. Every row is measured in a process of its own, because freed memory that a process keeps would blur its peak.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;
use medburn_benches::device::DeviceArgs;
use medburn_benches::memory::{self, mebibytes};
use medburn_benches::{Error, Result, exit, phantom, stages, table};
use medslice::{EncodeOptions, SliceSequenceEncoder};
use serde::{Deserialize, Serialize};

/// Measures encoding whole studies.
#[derive(Parser)]
struct Args {
    /// Folder of a slice-sequence encoder, or of a published ViT, DINO or DINOv2; without it, the one of fixtures/.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Slices of the studies.
    #[arg(long, num_args = 1.., default_values_t = [200, 400])]
    slices: Vec<usize>,
    /// Slices that go through the 2D encoder at once.
    #[arg(long, num_args = 1.., default_values_t = [1, 8, 32])]
    slice_batch: Vec<usize>,
    /// Side of the slices in pixels.
    #[arg(long, default_value_t = 512)]
    side: usize,
    #[command(flatten)]
    device: DeviceArgs,
    /// Measures one study from this file, in this process, and prints JSON.
    #[arg(long, hide = true)]
    measure: Option<PathBuf>,
    /// As `--measure`, with the time of each stage.
    #[arg(long, hide = true)]
    stages: bool,
}

/// What one process measured. Times in seconds, memory in bytes.
#[derive(Serialize, Deserialize)]
struct Measured {
    device: String,
    width: usize,
    size: usize,
    reading: f64,
    encoding: f64,
    /// Most that was resident until the volume was read, and from then on.
    peaks: [Option<u64>; 2],
    /// Resident before encoding.
    before: Option<u64>,
    stages: Vec<(String, f64)>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    exit(match &args.measure {
        Some(file) => measure(&args, file),
        None => compare(&args),
    })
}

fn weights(args: &Args) -> PathBuf {
    let fixture = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/slice-ct-tiny");
    args.weights.clone().unwrap_or_else(fixture)
}

/// In the process of its own.
fn measure(args: &Args, file: &Path) -> Result<()> {
    let opened = args.device.open()?;
    let encoder = SliceSequenceEncoder::from_pretrained(weights(args), opened.device())?;
    let slice_batch = args.slice_batch.first().copied().unwrap_or(EncodeOptions::default().slice_batch);
    let started = Instant::now();
    let volume = medio::nifti::read(file)?;
    let reading = started.elapsed().as_secs_f64();
    let (first_peak, before) = (memory::peak(), memory::resident());
    let separate = memory::reset_peak();
    let started = Instant::now();
    let (width, seconds) = if args.stages {
        let encoded = stages::encode(&encoder, &volume, slice_batch, opened.device())?;
        (encoded.study.len(), encoded.seconds)
    } else {
        let options = EncodeOptions { slice_batch };
        let embedding = encoder.encode_with(&volume, options, |_| ControlFlow::Continue(()))?;
        (embedding.study.len(), Vec::new())
    };
    let measured = Measured {
        device: opened.to_string(),
        width,
        size: encoder.preprocessor().size,
        reading,
        encoding: started.elapsed().as_secs_f64(),
        peaks: [first_peak, memory::peak().filter(|_| separate)],
        before,
        stages: seconds.into_iter().map(|(name, s)| (name.to_string(), s)).collect(),
    };
    println!("{}", serde_json::to_string(&measured).map_err(|e| unfit(&e.to_string()))?);
    Ok(())
}

/// In the process that starts the others.
fn compare(args: &Args) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::io(&std::env::temp_dir()))?;
    let mut rows = Vec::new();
    for (number, &slices) in args.slices.iter().enumerate() {
        let file = folder.path().join(format!("{slices}.nii"));
        medio::nifti::write(&file, &phantom::chest(slices, args.side)?)?;
        if number == 0 {
            let default = EncodeOptions::default().slice_batch;
            print_stages(args.side, slices, default, &child(args, &file, slices, default, true)?);
        }
        for &slice_batch in &args.slice_batch {
            let measured = child(args, &file, slices, slice_batch, false)?;
            rows.push(row(args.side, slices, slice_batch, &measured));
        }
        std::fs::remove_file(&file).map_err(Error::io(&file))?;
    }
    let header = [
        "slices",
        "slice batch",
        "read s",
        "encode s",
        "slices/s",
        "volume MiB",
        "peak reading MiB",
        "peak encoding MiB",
        "added by encoding MiB",
    ];
    table::print(&header, &rows);
    Ok(())
}

fn child(args: &Args, file: &Path, slices: usize, slice_batch: usize, stages: bool) -> Result<Measured> {
    let program = std::env::current_exe().map_err(Error::io(Path::new("this program")))?;
    let mut command = Command::new(&program);
    command.arg("--measure").arg(file).arg("--weights").arg(weights(args));
    command.args(["--slice-batch", &slice_batch.to_string(), "--device", &args.device.device]);
    if stages {
        command.arg("--stages");
    }
    let output = command.stderr(Stdio::inherit()).output().map_err(Error::io(&program))?;
    if !output.status.success() {
        return Err(Error::Child { slices, slice_batch });
    }
    serde_json::from_slice(&output.stdout).map_err(|e| unfit(&e.to_string()))
}

fn unfit(found: &str) -> Error {
    Error::Unfit { what: "measurement", expected: "one line of JSON".into(), found: found.into() }
}

fn print_stages(side: usize, slices: usize, slice_batch: usize, measured: &Measured) {
    println!(
        "{slices} slices of {side} x {side}, encoded at {1} x {1} in batches of {slice_batch} to {2} numbers, on {0}",
        measured.device, measured.size, measured.width
    );
    let whole = measured.reading + measured.encoding;
    let all = [("reading", measured.reading)].into_iter();
    let all = all.chain(measured.stages.iter().map(|(name, seconds)| (name.as_str(), *seconds)));
    let row = |(name, seconds): (&str, f64)| {
        vec![
            name.to_string(),
            format!("{:.1}", 1e3 * seconds),
            format!("{:.2}", 1e3 * seconds / slices as f64),
            format!("{:.1} %", 100.0 * seconds / whole),
        ]
    };
    table::print(&["stage", "ms", "ms per slice", "share"], &all.map(row).collect::<Vec<_>>());
    println!();
}

fn row(side: usize, slices: usize, slice_batch: usize, measured: &Measured) -> Vec<String> {
    let [reading, encoding] = measured.peaks;
    let added = encoding.zip(measured.before).map(|(peak, before)| peak.saturating_sub(before));
    let volume = (slices * side * side * size_of::<f32>()) as u64;
    vec![
        slices.to_string(),
        slice_batch.to_string(),
        format!("{:.2}", measured.reading),
        format!("{:.2}", measured.encoding),
        format!("{:.2}", slices as f64 / (measured.reading + measured.encoding)),
        mebibytes(Some(volume)),
        mebibytes(reading),
        mebibytes(encoding),
        mebibytes(added),
    ]
}
