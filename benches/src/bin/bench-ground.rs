//! TransVG on command, to be timed in turns with PyTorch: phrases in one image, whose features are kept or computed each time.
//!
//! ```text
//! cargo run --release --bin bench-ground -- --model transvg/ --input input.safetensors --keep            # for ground.py
//! ```
//!
//! It obeys commands: see [`medburn_benches::commands`]; the output is the boxes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn::tensor::{Bool, Device, Int, Tensor};
use clap::Parser;
use medburn_benches::device::DeviceArgs;
use medburn_benches::networks::Workload;
use medburn_benches::{Error, Result, commands, exit, tensors};
use medground::model::GroundingConfig;
use medground::transvg::TransVg;
use medground::vision::ImageFeatures;
use mednn::weights::WeightSource;

/// Runs TransVG on command.
#[derive(Parser)]
struct Args {
    /// Folder with `config.json` and `model.safetensors` under the published names.
    #[arg(long)]
    model: PathBuf,
    /// A safetensors file with `pixel_values` [1, channels, side, side], and `input_ids` and `attention_mask` [phrases, length].
    #[arg(long)]
    input: PathBuf,
    /// Computes the features of the image once, before the first run.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Phrases about one image.
struct Question {
    image: Tensor<4>,
    pixels: Tensor<3, Bool>,
    ids: Tensor<2, Int>,
    valid: Tensor<2, Bool>,
    kept: Option<ImageFeatures>,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    let model = read_model(&args.model, opened.device())?;
    let mut input = read_question(&args.input, opened.device())?;
    if args.keep {
        input.kept = Some(model.encode_images(input.image.clone(), input.pixels.clone()));
    }
    let workload = Workload { model, input, forward: ground };
    commands::infer(&workload, &opened.to_string(), opened.device())
}

fn ground(model: &TransVg, question: &Question) -> mednn::Result<Tensor<2>> {
    let features = match &question.kept {
        Some(kept) => kept.clone(),
        None => model.encode_images(question.image.clone(), question.pixels.clone()),
    };
    let [phrases, _] = question.ids.dims();
    let each = features.select(&vec![0; phrases]);
    Ok(model.forward(&each, question.ids.clone(), question.valid.clone()).boxes)
}

fn read_model(folder: &Path, device: &Device) -> Result<TransVg> {
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    let config = match GroundingConfig::from_json(&text)? {
        GroundingConfig::TransVg(config) => config,
        other => {
            let (what, expected) = ("model", "transvg".to_string());
            return Err(Error::Unfit { what, expected, found: format!("{other:?}") });
        }
    };
    let source = WeightSource::open(folder.join("model.safetensors"))?;
    Ok(TransVg::from_source(&config, source, device)?.0)
}

fn read_question(path: &Path, device: &Device) -> Result<Question> {
    let image: Tensor<4> = tensors::read(path, "pixel_values", device)?;
    let [_, _, height, width] = image.dims();
    let mask = tensors::read_integers::<2>(path, "attention_mask", device)?;
    Ok(Question {
        image,
        pixels: Tensor::<3>::ones([1, height, width], device).greater_elem(0.5),
        ids: tensors::read_integers(path, "input_ids", device)?,
        valid: mask.greater_elem(0),
        kept: None,
    })
}
