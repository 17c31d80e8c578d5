//! A network that runs on command, to be timed in turns with its peers, or a profile of a vision transformer's operations.
//!
//! ```text
//! cargo run --release --bin bench-network -- --network bert --model bert/ --input ids.safetensors            # for networks.py
//! cargo run --release --bin bench-network -- --network vit --model dinov2-small/ --profile --batch 8 --size 224
//! ```
//!
//! Without `--profile` it obeys commands: see [`medburn_benches::commands`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use clap::Parser;
use medburn_benches::device::DeviceArgs;
use medburn_benches::networks::{self, Network, Reading, Workload};
use medburn_benches::training::{self, Trainer};
use medburn_benches::{Error, Result, commands, exit, profile, tensors};

/// Runs a network on command, or profiles a vision transformer.
#[derive(Parser)]
struct Args {
    /// What the folder holds.
    #[arg(long)]
    network: Network,
    /// Folder with `config.json` and `model.safetensors`, as transformers or timm name them.
    #[arg(long)]
    model: PathBuf,
    /// A safetensors file with `pixel_values` [batch, channels, height, width], `input_ids` [batch, length] or `inputs_embeds`
    /// [batch, length, width], and, to train, `targets` of the output's shape; needed unless profiling.
    #[arg(long, required_unless_present = "profile")]
    input: Option<PathBuf>,
    /// Training steps instead of forward passes.
    #[arg(long, conflicts_with = "profile")]
    train: bool,
    /// Leaves tables of words in their file and reads those that are asked for.
    #[arg(long)]
    map: bool,
    /// Linear layers in 8 bits, but for those of a decode head.
    #[arg(long, conflicts_with_all = ["train", "profile"])]
    int8: bool,
    /// Prints where the time of a vision transformer goes instead of reading commands.
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
    if args.profile {
        return print_profile(args, opened.device());
    }
    let Some(input) = &args.input else { return Ok(()) };
    let device = if args.train { opened.device().clone().autodiff() } else { opened.device().clone() };
    let session = Session {
        network: args.network,
        input,
        about: opened.to_string(),
        train: args.train,
        device: &device,
    };
    let reading = Reading { map: args.map, int8: args.int8 };
    match args.network {
        Network::Vit => session.serve(networks::vit(&args.model, input, reading, &device)?),
        Network::Segformer => session.serve(networks::segformer(&args.model, input, reading, &device)?),
        Network::Bert => session.serve(networks::bert(&args.model, input, reading, &device)?),
        Network::Sequence => session.serve(networks::sequence(&args.model, input, reading, &device)?),
        Network::Resnet => session.serve(networks::resnet(&args.model, input, &device, !args.train)?),
    }
}

/// How a network is to be run.
struct Session<'a> {
    network: Network,
    input: &'a Path,
    about: String,
    train: bool,
    device: &'a Device,
}

impl Session<'_> {
    fn serve<M: Module, I, const D: usize>(&self, workload: Workload<M, I, D>) -> Result<()> {
        if self.train {
            let targets = tensors::read(self.input, "targets", self.device)?;
            let optimizer = training::optimizer(self.network);
            commands::train(Trainer::new(workload, targets, optimizer), &self.about)
        } else {
            commands::infer(&workload, &self.about, self.device)
        }
    }
}

fn print_profile(args: &Args, device: &Device) -> Result<()> {
    if args.network != Network::Vit {
        let (expected, found) = ("vit".to_string(), format!("{:?}", args.network));
        return Err(Error::Unfit { what: "network to profile", expected, found });
    }
    let images = match &args.input {
        Some(path) => tensors::read(path, "pixel_values", device)?,
        None => {
            let noise = Distribution::Normal(0.0, 1.0);
            Tensor::random([args.batch, 3, args.size, args.size], noise, device)
        }
    };
    profile::print(&args.model, &images, args.rounds, device)
}
