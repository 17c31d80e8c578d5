//! Trains the small phrase grounder of `fixtures/ground-cxr` from scratch, and measures it on patients that it has not seen.
//!
//! ```text
//! python fixtures/ground-cxr/make.py samples cxr/ out/ground-cxr
//! cargo run --release --bin ground-weights -- out/ground-cxr
//! cargo run --release --bin ground-weights -- out/ground-cxr --evaluate
//! ```
//!
//! Writes `model.safetensors` (f16) beside the configuration every 200 steps, and prints the table of the card.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use medburn_examples::device::DeviceArgs;
use medburn_examples::ground::{
    Annotations, DemonstrationScores, KindScores, Progress, measure, train, untrained,
};
use medburn_examples::table::aligned;
use medburn_examples::{Result, exit, fixtures};
use medeval::statistics::Interval;
use medground::training::{Augmentation, TrainingConfig};
use medground::{GroundOptions, PhraseGrounder};
use mednn::weights::Precision;

/// Steps after which weights are written.
const SAVED_EVERY: usize = 200;

/// Trains and measures the demonstration grounder.
#[derive(Parser)]
struct Args {
    /// Folder with `train.jsonl`, `test.jsonl` and their images.
    samples: PathBuf,
    /// Folder of the model: its configuration and vocabulary are there, its weights are written there.
    #[arg(long, default_value_os_t = fixtures::grounder())]
    model: PathBuf,
    /// Only measures the weights that are there.
    #[arg(long)]
    evaluate: bool,
    /// Least score of a box that counts as found.
    #[arg(long, default_value_t = 0.5)]
    threshold: f64,
    /// Passes over the samples.
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// The pass from which the learning rate is a tenth.
    #[arg(long, default_value_t = 3)]
    drop_epoch: usize,
    /// Stops after so many steps, in whatever pass that is.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    steps: usize,
    /// Starts from the weights that are there, whose batch norms then stay as they are, instead of from random ones.
    #[arg(long = "continue")]
    from_weights: bool,
    /// Phrases of a step.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Learning rate of all parts.
    #[arg(long, default_value_t = 5e-4)]
    learning_rate: f64,
    #[command(flatten)]
    device: DeviceArgs,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    println!("device: {opened}");
    if !args.evaluate {
        let device = opened.device().clone().autodiff();
        device.seed(0);
        let grounder = if args.from_weights {
            PhraseGrounder::from_pretrained(&args.model, &device)?
        } else {
            untrained(&args.model, &device)?
        };
        let annotations = Annotations::read(&args.samples, "train")?;
        println!("{} samples", annotations.samples.len());
        let started = Instant::now();
        train(grounder, &annotations, configuration(args), args.steps, SAVED_EVERY, |progress, grounder| {
            let Progress { steps, total, loss } = progress;
            println!("step {steps} of {total}: loss {loss:.3}, {:.0} s", started.elapsed().as_secs_f64());
            Ok(grounder.save_pretrained(&args.model, Precision::F16)?)
        })?;
    }
    let grounder = PhraseGrounder::from_pretrained(&args.model, opened.device())?;
    let options = GroundOptions { least_score: args.threshold, ..grounder.options() };
    let scores = measure(&grounder.with_options(options)?, &Annotations::read(&args.samples, "test")?)?;
    print(&scores);
    Ok(())
}

fn configuration(args: &Args) -> TrainingConfig {
    TrainingConfig {
        fusion_rate: args.learning_rate,
        vision_rate: args.learning_rate,
        text_rate: args.learning_rate,
        epochs: args.epochs,
        drop_epoch: args.drop_epoch,
        batch_size: args.batch,
        // The samples vary already.
        augmentation: Augmentation { crop: 0.1, gamma: 1.2, ..Augmentation::default() },
        ..TrainingConfig::default()
    }
}

fn print(scores: &DemonstrationScores) {
    let mut rows = vec![["kind", "samples", "mean IoU", "IoU >= .5", "set F1", "ROC AUC"].map(String::from)];
    let percent = |value: Option<Interval>| {
        value
            .map_or_else(|| "-".to_string(), |v| format!("{:.3} ({:.3} to {:.3})", v.estimate, v.low, v.high))
    };
    for kind in &scores.kinds {
        let KindScores { kind, samples, mean_iou, accuracy, set_f1, roc_auc } = kind.clone();
        rows.push([
            kind,
            samples.to_string(),
            percent(mean_iou),
            percent(accuracy),
            percent(Some(set_f1)),
            percent(roc_auc),
        ]);
    }
    print!("{}", aligned(&rows));
    println!("left and right confused: {} of {} boxes", scores.confused_sides, scores.found_sides);
}
