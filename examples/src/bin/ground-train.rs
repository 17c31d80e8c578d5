//! Trains phrase grounders in two stages: first anatomy terms and their boxes, then phrases (AGPT, arXiv 2502.16585).
//!
//! ```text
//! cargo run --release --bin ground-train -- train --phrases phrases.jsonl --images images/ \
//!     --anatomy-terms "left lung,right lung" --vision dinov2-small/ --text minilm/ --output out/two-stages
//! cargo run --release --bin ground-train -- train ... --stages phrases --output out/one-stage
//! cargo run --release --bin ground-train -- compare --first out/two-stages --second out/one-stage
//! cargo run --release --bin ground-train -- phrases --scan ct.nii.gz --labels organs.nii.gz --names organs.txt --output out/slices
//! ```
//!
//! Can be stopped at any time: the same command goes on from the last complete epoch. `docs/grounding.md` has the method and results.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use medburn_examples::device::DeviceArgs;
use medburn_examples::grounding::{
    AnnotationArgs, EvaluatedSet, ImageFolder, ModelArgs, Results, SplitArgs, Splits, Stage, compare,
    load_sample, mean_boxes, phrases, train_stage, write_overlays,
};
use medburn_examples::{Error, Result, exit};
use medeval::statistics::Bootstrap;
use medground::PhraseGrounder;
use medground::data::GroundingSample;
use medground::training::{Augmentation, FeatureCacheOptions, Trainer, TrainingConfig};
use mednn::weights::Precision;

/// Trains phrase grounders in two stages.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)] // one per program
enum Command {
    /// Trains and evaluates.
    Train(TrainArgs),
    /// Compares runs on the samples that both tested on.
    Compare(CompareArgs),
    /// Makes slices with phrases and boxes of a scan and its label map.
    Phrases(phrases::PhraseArgs),
}

/// Which stages are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stages {
    /// Stage 1, zero-shot evaluation, stage 2.
    Both,
    /// Stage 1, and zero-shot evaluation if there are phrases to test on.
    Anatomy,
    /// Stage 2 alone.
    Phrases,
}

/// How images are varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Vary {
    /// Not at all.
    None,
    /// Cut and in gamma; never mirrored.
    Crop,
}

#[derive(Args)]
struct TrainArgs {
    #[command(flatten)]
    annotations: AnnotationArgs,
    #[command(flatten)]
    splits: SplitArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Folder for checkpoints, curves, overlays, results.json and the model.
    #[arg(long)]
    output: PathBuf,
    /// Which stages are trained.
    #[arg(long, value_enum, default_value = "both")]
    stages: Stages,
    /// Epochs of stage 1.
    #[arg(long, default_value_t = 10)]
    anatomy_epochs: usize,
    /// Epochs of stage 2.
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    /// Samples of a step.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Learning rate of all but the encoders; a tenth of it in the last third of the epochs.
    #[arg(long, default_value_t = 5e-4)]
    rate: f64,
    /// Learning rate of encoders that are trained.
    #[arg(long, default_value_t = 1e-5)]
    encoder_rate: f64,
    /// Train the backbone; one from --vision is frozen otherwise, a random one is always trained.
    #[arg(long)]
    train_vision: bool,
    /// Train the text encoder; one from --text is frozen otherwise, a random one is always trained.
    #[arg(long)]
    train_text: bool,
    /// MedRPG's contrast of regions, with TransVG.
    #[arg(long)]
    taco: bool,
    /// How images are varied.
    #[arg(long, value_enum, default_value = "none")]
    vary: Vary,
    /// In how many fixed ways; 0 for a new one in each epoch, which a frozen backbone must see anew.
    #[arg(long, default_value_t = 0)]
    views: usize,
    /// Memory for features of frozen encoders, in MiB.
    #[arg(long, default_value_t = 1024)]
    cache: usize,
    /// Held-out samples are evaluated after each how many-th epoch.
    #[arg(long, default_value_t = 1)]
    watch_every: usize,
    /// A checkpoint after each how many-th epoch: what can be lost when the program is stopped.
    #[arg(long, default_value_t = 1)]
    checkpoint_every: usize,
    /// Seed of weights, order and dropout.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Samples of the test split that are drawn.
    #[arg(long, default_value_t = 8)]
    overlays: usize,
    /// Weights of the model folder in 16 bits.
    #[arg(long)]
    half: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Args)]
struct CompareArgs {
    /// Output folders of the first runs: seeds, folds.
    #[arg(long, num_args = 1.., required = true, value_name = "FOLDER")]
    first: Vec<PathBuf>,
    /// Output folders of the second runs.
    #[arg(long, num_args = 1.., required = true, value_name = "FOLDER")]
    second: Vec<PathBuf>,
    /// Set of the first runs.
    #[arg(long, default_value = "fine-tuned")]
    set: String,
    /// Set of the second runs; by default that of the first.
    #[arg(long)]
    second_set: Option<String>,
    /// Also for each phrase.
    #[arg(long)]
    each_phrase: bool,
}

fn main() -> ExitCode {
    exit(match Cli::parse().command {
        Command::Train(args) => train(&args),
        Command::Compare(args) => comparison(&args),
        Command::Phrases(args) => phrases::write(&args),
    })
}

const RESULTS: &str = "results.json";
const ZERO_SHOT: &str = "zero-shot";
const FINE_TUNED: &str = "fine-tuned";

fn train(args: &TrainArgs) -> Result<()> {
    let opened = args.device.open()?;
    println!("device: {opened}");
    let device = opened.device().clone().autodiff();
    let images = ImageFolder::open(&args.annotations.images)?;
    let anatomy_images =
        ImageFolder::open(args.annotations.anatomy_images.as_ref().unwrap_or(&args.annotations.images))?;
    let splits = Splits::read(&args.annotations, &args.splits, &images, &anatomy_images)?;
    println!(
        "anatomy: {} to learn from, {} held out; phrases: {} to learn from, {} to validate, {} to test",
        splits.anatomy_train.len(),
        splits.anatomy_held_out.len(),
        splits.train.len(),
        splits.validation.len(),
        splits.test.len()
    );
    create(&args.output)?;
    let run = Run { args, splits, images, anatomy_images, device };
    let mut results = Results::default();
    if let Some(set) = mean_boxes(&run.splits.train, &run.splits.test)? {
        run.report(&mut results, set)?;
    }
    let mut last = None;
    if args.stages != Stages::Phrases {
        let mut trainer = run.stage("anatomy", |device| run.begin(device))?;
        run.evaluate(
            &mut trainer,
            "anatomy",
            &run.splits.anatomy_held_out,
            &run.anatomy_images,
            &mut results,
        )?;
        run.evaluate(&mut trainer, ZERO_SHOT, &run.splits.test, &run.images, &mut results)?;
        last = Some(trainer);
    }
    if args.stages != Stages::Anatomy {
        let first = last.take();
        let mut trainer = run.stage("phrases", |device| match &first {
            Some(trainer) => Ok(trainer.grounder().clone()),
            None => run.begin(device),
        })?;
        run.evaluate(&mut trainer, FINE_TUNED, &run.splits.test, &run.images, &mut results)?;
        last = Some(trainer);
    }
    let Some(trainer) = last else { return Ok(()) };
    let grounder = trainer.grounder().for_inference();
    let (shown, images) = match args.stages {
        Stages::Anatomy if run.splits.test.is_empty() => (&run.splits.anatomy_held_out, &run.anatomy_images),
        _ => (&run.splits.test, &run.images),
    };
    write_overlays(&grounder, shown, images, args.overlays, &args.output.join("overlays"))?;
    save_model(&grounder, args)?;
    println!("\n{}", results.table());
    Ok(())
}

struct Run<'a> {
    args: &'a TrainArgs,
    splits: Splits,
    images: ImageFolder,
    anatomy_images: ImageFolder,
    device: burn::tensor::Device,
}

impl Run<'_> {
    /// The grounder before any training.
    fn begin(&self, device: &burn::tensor::Device) -> Result<PhraseGrounder> {
        let learnt = self.splits.anatomy_train.iter().chain(&self.splits.train);
        self.args.model.build(learnt.map(|sample| sample.phrase.as_str()), self.args.seed, device)
    }

    fn stage(
        &self,
        name: &str,
        start: impl FnOnce(&burn::tensor::Device) -> Result<PhraseGrounder>,
    ) -> Result<Trainer> {
        let is_anatomy = name == "anatomy";
        let args = self.args;
        let epochs = if is_anatomy { args.anatomy_epochs } else { args.epochs };
        let pretrained = |folder: &Option<PathBuf>| folder.is_some() || args.model.init.is_some();
        let config = TrainingConfig {
            fusion_rate: args.rate,
            vision_rate: if pretrained(&args.model.vision) { args.encoder_rate } else { args.rate },
            text_rate: if pretrained(&args.model.text) { args.encoder_rate } else { args.rate },
            epochs,
            drop_epoch: (2 * epochs).div_ceil(3),
            batch_size: args.batch,
            seed: args.seed,
            freeze_vision: args.model.vision.is_some() && !args.train_vision,
            freeze_text: args.model.text.is_some() && !args.train_text,
            augmentation: match args.vary {
                Vary::None => Augmentation::none(),
                Vary::Crop => Augmentation::default(),
            },
            fixed_views: args.views,
            taco: args.taco,
            ..TrainingConfig::default()
        };
        let stage = Stage {
            name,
            train: if is_anatomy { &self.splits.anatomy_train } else { &self.splits.train },
            watched: if is_anatomy { &self.splits.anatomy_held_out } else { self.splits.watched() },
            images: if is_anatomy { &self.anatomy_images } else { &self.images },
            config,
            cache: FeatureCacheOptions {
                max_bytes: args.cache.saturating_mul(1 << 20),
                ..FeatureCacheOptions::default()
            },
            watch_every: args.watch_every,
            checkpoint_every: args.checkpoint_every,
            folder: args.output.join(name),
        };
        train_stage(start, &stage, &self.device)
    }

    fn evaluate(
        &self,
        trainer: &mut Trainer,
        name: &str,
        samples: &[GroundingSample],
        images: &ImageFolder,
        results: &mut Results,
    ) -> Result<()> {
        if samples.is_empty() {
            return Ok(());
        }
        let load = |sample: &GroundingSample| load_sample(images, sample);
        let scores = trainer.evaluate(samples, load, Bootstrap::default())?;
        if scores.cut_phrases > 0 {
            println!(
                "{name}: {} phrases are longer than the model reads, and were cut off",
                scores.cut_phrases
            );
        }
        self.report(results, EvaluatedSet::new(name, samples, &scores))
    }

    /// Written at once: a run that is stopped keeps what it has found.
    fn report(&self, results: &mut Results, set: EvaluatedSet) -> Result<()> {
        results.add(set);
        results.write(&self.args.output.join(RESULTS))
    }
}

/// A folder that [`PhraseGrounder::from_pretrained`] reads, whole or not at all.
fn save_model(grounder: &PhraseGrounder, args: &TrainArgs) -> Result<()> {
    let (folder, partial) = (args.output.join("model"), args.output.join("model.partial"));
    let io = |source| Error::Io { path: folder.clone(), source };
    for old in [&partial, &folder] {
        if old.exists() {
            std::fs::remove_dir_all(old).map_err(io)?;
        }
    }
    grounder.save_pretrained(&partial, if args.half { Precision::F16 } else { Precision::F32 })?;
    std::fs::rename(&partial, &folder).map_err(io)?;
    println!("written: {}", folder.display());
    Ok(())
}

fn comparison(args: &CompareArgs) -> Result<()> {
    let read = |folders: &[PathBuf]| -> Result<Vec<Results>> {
        folders.iter().map(|folder| Results::read(&folder.join(RESULTS))).collect()
    };
    let (first, second) = (read(&args.first)?, read(&args.second)?);
    let second_set = args.second_set.as_ref().unwrap_or(&args.set);
    let mut names: Vec<Option<String>> = vec![None];
    if args.each_phrase {
        let sets = first.iter().filter_map(|run| run.set(&args.set));
        let mut each: Vec<String> = sets.flat_map(|set| &set.samples).map(|s| s.phrase.clone()).collect();
        each.sort();
        each.dedup();
        names.extend(each.into_iter().map(Some));
    }
    for name in names {
        let Ok(found) = compare((&first, &args.set), (&second, second_set), name.as_deref()) else {
            match name {
                None => return compare((&first, &args.set), (&second, second_set), None).map(|_| ()),
                Some(_) => continue,
            }
        };
        let [a, b, difference] = found.mean_iou;
        println!(
            "{}: {} samples of {} patients",
            name.as_deref().unwrap_or("all"),
            found.samples,
            found.patients
        );
        println!("  mIoU    {a}  against {b}  difference {difference}");
        let [a, b, difference] = found.accuracy;
        println!("  Acc@.5  {a}  against {b}  difference {difference}");
    }
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })
}
