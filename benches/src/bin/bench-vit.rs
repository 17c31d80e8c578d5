//! A vision transformer that runs on command, to be timed in turns with its peers, or a profile of its operations.
//!
//! ```text
//! cargo run --release --bin bench-vit -- --model dinov2-small/ --input images.safetensors             # for vit.py
//! cargo run --release --bin bench-vit -- --model dinov2-small/ --profile --batch 8 --size 224
//! ```
//!
//! Without `--profile` it reads commands from standard input, one a line, and answers each with one line:
//!
//! | command | answer |
//! |---|---|
//! | `run` | milliseconds of one forward pass, reading back the class tokens included |
//! | `memory` | most memory that was resident, in bytes; `unknown` where the system does not say |
//! | `save PATH` | `saved`, when the tokens of the last run are in that file as `last_hidden_state` |
//! | `quit` | nothing |
//!
//! The first line is `ready DEVICE`.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use clap::Parser;
use medburn_benches::device::DeviceArgs;
use medburn_benches::laps::{Laps, median, synchronize};
use medburn_benches::operations::{self, Operations};
use medburn_benches::{Error, Result, exit, memory, table, tensors};
use mednn::bridge::read_f32;
use mednn::weights::WeightSource;
use mednn::{Vit, VitConfig};

/// Runs a vision transformer on command, or profiles it.
#[derive(Parser)]
struct Args {
    /// Folder of a ViT, DINO or DINOv2 as transformers saves it.
    #[arg(long)]
    model: PathBuf,
    /// A safetensors file with `pixel_values` [batch, channels, height, width]; needed unless profiling.
    #[arg(long, required_unless_present = "profile")]
    input: Option<PathBuf>,
    /// Prints where the time goes instead of reading commands.
    #[arg(long)]
    profile: bool,
    /// Images at once in the profile, when no input is given.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Side of the images in the profile in pixels, when no input is given.
    #[arg(long, default_value_t = 224)]
    size: usize,
    /// Rounds of the profile.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    #[command(flatten)]
    device: DeviceArgs,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    let device = opened.device();
    let vit = Vit::from_pretrained(&args.model, device)?;
    let images = match &args.input {
        Some(path) => tensors::read::<4>(path, "pixel_values", device)?,
        None => {
            let noise = Distribution::Normal(0.0, 1.0);
            Tensor::random([args.batch, vit.channels(), args.size, args.size], noise, device)
        }
    };
    // Refuses images that do not fit.
    vit.encode(images.clone())?;
    if args.profile {
        let config = config(&args.model)?;
        let mut source = WeightSource::open(args.model.join("model.safetensors"))?;
        let operations = Operations::load(&config, &mut source, device)?;
        print_profile(&config, profile(&vit, &operations, &images, args.rounds, device)?);
        Ok(())
    } else {
        serve(&vit, &images, &opened.to_string())
    }
}

fn config(folder: &Path) -> Result<VitConfig> {
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    Ok(VitConfig::from_hugging_face(&text)?)
}

fn serve(vit: &Vit, images: &Tensor<4>, device: &str) -> Result<()> {
    let mut tokens = None;
    answer(&format!("ready {device}"))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Error::io(Path::new("standard input")))?;
        match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
            ("run", "") => {
                let (output, seconds) = timed(vit, images)?;
                tokens = Some(output);
                answer(&format!("{:.4}", 1e3 * seconds))?;
            }
            ("memory", "") => {
                answer(&memory::peak().map_or_else(|| "unknown".to_string(), |bytes| bytes.to_string()))?;
            }
            ("save", path) if tokens.is_some() => {
                if let Some(tokens) = &tokens {
                    tensors::write(Path::new(path), "last_hidden_state", tokens.clone())?;
                }
                answer("saved")?;
            }
            ("quit", "") => break,
            _ => {
                let expected = "run, memory, save PATH after a run, or quit".to_string();
                return Err(Error::Unfit { what: "command", expected, found: line });
            }
        }
    }
    Ok(())
}

fn answer(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::io(Path::new("standard output")))
}

/// All tokens of one forward pass, and its seconds until the class tokens were read back.
fn timed(vit: &Vit, images: &Tensor<4>) -> Result<(Tensor<3>, f64)> {
    let started = Instant::now();
    let output = vit.forward(images.clone());
    read_f32(output.cls())?;
    Ok((output.tokens(), started.elapsed().as_secs_f64()))
}

/// Times the whole network and its operations in turns.
fn profile(
    vit: &Vit,
    operations: &Operations,
    images: &Tensor<4>,
    rounds: usize,
    device: &Device,
) -> Result<Profile> {
    let mut whole = Vec::new();
    let mut kinds: Vec<(&'static str, Vec<f64>)> = Vec::new();
    let mut shape = [0; 3];
    // The first round warms up and is not counted.
    for round in 0..=rounds.max(1) {
        synchronize(device)?;
        let (_, seconds) = timed(vit, images)?;
        let mut laps = Laps::start(device)?;
        let (tokens, _) = vit.embed(images.clone());
        laps.lap(operations::EMBED)?;
        shape = tokens.dims();
        operations.forward(tokens, &mut laps)?;
        if round == 0 {
            continue;
        }
        whole.push(seconds);
        for (name, seconds) in laps.into_sums() {
            match kinds.iter_mut().find(|(n, _)| *n == name) {
                Some((_, all)) => all.push(seconds),
                None => kinds.push((name, vec![seconds])),
            }
        }
    }
    let kinds = kinds.into_iter().map(|(name, all)| (name, median(all))).collect();
    Ok(Profile { shape, whole: median(whole), kinds })
}

/// Median seconds.
struct Profile {
    /// Of the tokens.
    shape: [usize; 3],
    whole: f64,
    kinds: Vec<(&'static str, f64)>,
}

fn print_profile(config: &VitConfig, profile: Profile) {
    let Profile { shape: [batch, tokens, width], whole, mut kinds } = profile;
    println!("{batch} images, {tokens} tokens each, width {width}, {} blocks", config.num_hidden_layers);
    let sum: f64 = kinds.iter().map(|(_, seconds)| seconds).sum();
    kinds.push(("rest: whole less sum", whole - sum));
    kinds.push(("whole forward pass", whole));
    let row = |(name, seconds): &(&str, f64)| {
        let rate = operations::flops(name, config, batch, tokens).map(|flops| flops / seconds / 1e9);
        vec![
            name.to_string(),
            format!("{:.2}", 1e3 * seconds),
            format!("{:.1} %", 100.0 * seconds / whole),
            rate.map_or_else(String::new, |rate| format!("{rate:.0}")),
        ]
    };
    table::print(&["operation", "ms", "share", "GFLOP/s"], &kinds.iter().map(row).collect::<Vec<_>>());
}
