//! Trains a segmentation model on images with masks, or on slices of volumes with label maps.
//!
//! ```text
//! # A small SegFormer from scratch: out/cells/model is a folder that transformers loads too.
//! cargo run --release --bin segment-train -- train --images cells/images --masks cells/labels --manifest cells/manifest.csv \
//!     --tile 256 --size 256 --steps 3000 --arm full --output out/cells
//! # Superpixel prompts on a frozen DINOv2: out/hippocampus/weights.safetensors has the prompts and the decoder alone.
//! cargo run --release --bin segment-train -- train --kind nifti --images imagesTr --masks labelsTr --classes 3 --square \
//!     --backbone dinov2-small --arm slic --size 112 --steps 500 --output out/hippocampus
//! # One model for several data sets, which tasks.json lists.
//! cargo run --release --bin segment-train -- tasks --tasks tasks.json --backbone dinov2-small --output out/tasks
//! ```
//!
//! Shows progress; `--resume` goes on from the last checkpoint, to the bit. Writes the weights, curves, a sheet of held-out samples and
//! their scores.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use medburn_examples::device::DeviceArgs;
use medburn_examples::segmentation::{
    Arm, Comparison, Curves, DataArgs, Dataset, Fit, Item, ItemScores, ModelArgs, MultiTaskFit, NamedArm,
    Settings, StateFolder, StepArgs, Task, TaskItems, markdown, predict, read_runs, read_tasks, summary,
    write_curves, write_samples, write_scores,
};
use medburn_examples::table::aligned;
use medburn_examples::{Error, Result, exit};
use mednn::weights::Precision;
use medprompt::training::{Trainer, TrainingConfig};
use medprompt::{
    Adaptation, BackboneConfig, MultiTaskConfig, MultiTaskModel, SegmentationConfig, SegmentationModel,
};

/// Passes over the training items, where nobody says how many.
const EPOCHS: usize = 20;

/// Trains segmentation models.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Trains one model.
    Train(Box<Train>),
    /// Trains one model on several data sets, with a decoder for each.
    Tasks(Box<Tasks>),
    /// Trains many models on one data set, and adds a line to a file for each.
    Compare(Box<Compare>),
    /// Makes a table of such files.
    Table {
        /// The files.
        #[arg(required = true)]
        records: Vec<PathBuf>,
        /// The arm that the others are compared with.
        #[arg(long, default_value = "fft")]
        base: String,
    },
}

#[derive(clap::Args)]
struct Train {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    steps: StepArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// What is trained beside the decoder.
    #[arg(long, value_enum, default_value = "full")]
    arm: Arm,
    /// Steps in all.
    #[arg(long = "steps", conflicts_with = "epochs")]
    count: Option<usize>,
    /// Passes over the training items, in place of steps; without either, 20.
    #[arg(long)]
    epochs: Option<usize>,
    /// Stops when so many steps are done, with a checkpoint to go on from: by --resume with the same settings, to the bit.
    #[arg(long)]
    stop_after: Option<usize>,
    /// Steps between two scores, each of which is followed by a checkpoint; without it, an epoch, and at least 25.
    #[arg(long)]
    score_every: Option<usize>,
    /// Scores in a row without a better one before training stops; 0 for never.
    #[arg(long, default_value_t = 0)]
    patience: usize,
    /// Of all random numbers.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for all that is written.
    #[arg(long, default_value = "out/segment-train")]
    output: PathBuf,
    /// Goes on from the checkpoint in the output folder, with the same settings. With --steps or --epochs, to that end: the learning rate
    /// falls along the course of the new end and of --learning-rate from there on.
    #[arg(long)]
    resume: bool,
}

fn main() -> ExitCode {
    exit(match Args::parse().command {
        Command::Train(args) => args.run(),
        Command::Tasks(args) => args.run(),
        Command::Compare(args) => args.run(),
        Command::Table { records, base } => table(&records, &base),
    })
}

#[derive(clap::Args)]
struct Tasks {
    /// A list in JSON of objects with a name and the arguments of a data set, as in
    /// [{"name": "cells", "images": "cells/images", "masks": "cells/labels", "tile": 256}, ...].
    #[arg(long)]
    tasks: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    steps: StepArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// What is trained beside the decoders.
    #[arg(long, value_enum, default_value = "fft")]
    arm: Arm,
    /// Steps in all, which the tasks take in turn.
    #[arg(long = "steps", default_value_t = 1000)]
    count: usize,
    /// Steps between two scores, each of which is followed by a checkpoint.
    #[arg(long, default_value_t = 100)]
    score_every: usize,
    /// Of all random numbers.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for all that is written; each task has a folder of its name in it.
    #[arg(long, default_value = "out/segment-train-tasks")]
    output: PathBuf,
    /// Goes on from the checkpoint in the output folder, with the same settings.
    #[arg(long)]
    resume: bool,
}

impl Tasks {
    fn run(&self) -> Result<()> {
        let opened = self.device.open()?;
        println!("device    {opened}");
        let device = opened.device().clone().autodiff();
        let state = StateFolder::new(&self.output)?;
        let listed = read_tasks(&self.tasks)?;
        let tasks =
            listed.iter().map(|task| task.read(self.steps.size, self.seed)).collect::<Result<Vec<_>>>()?;
        for TaskItems { name, items, .. } in &tasks {
            println!(
                "task      {name}: {} items to train on, {} held out",
                items.training.len(),
                items.held_out.len()
            );
        }
        device.seed(self.seed);
        let (backbone, config, base) = self.model.backbone(&device)?;
        let config =
            self.model.multi_task(config, self.arm, tasks.iter().map(TaskItems::config).collect())?;
        let settings = self.made_with(&listed, &tasks, &config, &base);
        let (mut trainer, model, mut curves) = if self.resume {
            state.check(&settings, &[])?;
            state.resume_tasks(backbone, &device)?
        } else {
            state.begin(&settings)?;
            let training = self.steps.training(self.count, self.steps.rate(self.arm), self.seed);
            (Trainer::new(training)?, config.init(backbone, &device)?, Curves::default())
        };
        println!("model     {base}, {:?}: {} parameters trained", self.arm, model.trained_parameters());
        println!("steps     {} of {} done", trainer.steps_done(), trainer.config().steps);
        let fit = MultiTaskFit {
            tasks: &tasks,
            augmentation: self.steps.augmentation(),
            score_every: self.score_every,
            state,
            base,
            device,
        };
        let model = fit.run(&mut trainer, model, &mut curves)?;
        self.report(&model, &fit, &curves)
    }

    /// What tells this training from others.
    fn made_with(
        &self,
        listed: &[Task],
        tasks: &[TaskItems],
        config: &MultiTaskConfig,
        base: &str,
    ) -> Settings {
        let of_tasks = listed.iter().zip(tasks).map(|(task, items)| items.settings(task));
        Settings::default()
            .with("backbone", base)
            .with("learning_rate", self.steps.rate(self.arm))
            .with("model", config)
            .with("seed", self.seed)
            .with("steps", &self.steps)
            .with("steps_in_all", self.count)
            .with("tasks", of_tasks.collect::<Vec<_>>())
    }

    /// Writes the model, and of each task what a model of it alone is used by.
    fn report(&self, model: &MultiTaskModel, fit: &MultiTaskFit<'_>, curves: &Curves) -> Result<()> {
        model.save_trained(self.output.join("tasks.safetensors"), &fit.base)?;
        write_curves(&self.output.join("curves.png"), curves)?;
        for task in fit.tasks {
            let folder = self.output.join(&task.name);
            std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
            let predictions = fit.predict(model, task)?;
            let scores = predictions.iter().map(ItemScores::of).collect::<Result<Vec<_>>>()?;
            println!("task      {}", task.name);
            print!("{}", aligned(&summary(&scores)));
            let held_out: Vec<&Item> = task.items.held_out.iter().collect();
            write_scores(&folder.join("scores.csv"), &held_out, &scores)?;
            write_samples(&folder.join("samples.png"), &task.name, &predictions)?;
            let alone = model.task(&task.name)?;
            alone.save_trained_for(folder.join("weights.safetensors"), &fit.base, &task.usage)?;
            if is_segformer(alone.config()) {
                alone.save_segformer(folder.join("model"), Precision::F16)?;
                task.usage.save_beside(folder.join("model"))?;
            }
            println!("written   {}", folder.display());
        }
        println!("written   tasks.safetensors, curves.png in {}", self.output.display());
        Ok(())
    }
}

#[derive(clap::Args)]
struct Compare {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    steps: StepArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// What the data set is called.
    #[arg(long)]
    name: String,
    /// Arms: none, fft, slic, maps, ssn, tokens, lora, full; with + and image, fft, slic, maps or pyramid for
    /// details, as in slic+pyramid; with @ and a weight for a readout, as in slic@0.5.
    #[arg(long, value_delimiter = ',', required = true)]
    arms: Vec<NamedArm>,
    /// Parts of the training groups.
    #[arg(long, value_delimiter = ',', default_value = "0.05,0.2,1")]
    fractions: Vec<f64>,
    /// Seeds.
    #[arg(long, value_delimiter = ',', default_value = "0,1,2")]
    seeds: Vec<u64>,
    /// Steps of each training.
    #[arg(long = "steps", default_value_t = 100)]
    count: usize,
    /// The file; trainings that it has with the same settings are not done again.
    #[arg(long)]
    record: PathBuf,
}

impl Compare {
    fn run(&self) -> Result<()> {
        let opened = self.device.open()?;
        let data = self.data.read(0)?;
        println!(
            "{}: {} items to train on, {} held out",
            self.name,
            data.training.len(),
            data.held_out.len()
        );
        let comparison = Comparison {
            name: self.name.clone(),
            data: &data,
            made_of: self.data.settings_without_paths(),
            model: &self.model,
            steps: &self.steps,
            count: self.count,
            usage: self.data.usage(self.steps.size, data.class_names.clone())?,
            device: opened.device().clone().autodiff(),
        };
        comparison.run(&self.arms, &self.fractions, &self.seeds, &self.record)
    }
}

fn table(records: &[PathBuf], base: &str) -> Result<()> {
    let mut runs = Vec::new();
    for record in records {
        runs.extend(read_runs(record)?);
    }
    print!("{}", markdown(&runs, base)?);
    Ok(())
}

impl Train {
    fn run(&self) -> Result<()> {
        let opened = self.device.open()?;
        println!("device    {opened}");
        let device = opened.device().clone().autodiff();
        let state = StateFolder::new(&self.output)?;
        let data = self.data.read(self.seed)?;
        let training = data.fraction(self.data.fraction, self.seed)?;
        println!("items     {} to train on, {} held out", training.len(), data.held_out.len());

        device.seed(self.seed);
        let (backbone, config, base) = self.model.backbone(&device)?;
        let config =
            self.model.config(config, self.arm, self.model.detail, self.model.readout, data.channels);
        let settings = self.made_with(&data, &config, &base);
        let (mut trainer, model, mut curves) = if self.resume {
            self.check(&state, &settings)?;
            let (mut trainer, model, curves) = state.resume(backbone.clone(), &device)?;
            if let Some(steps) = self.given_steps(training.len()) {
                trainer.reschedule(steps, self.steps.learning_rate)?;
            }
            (trainer, model, curves)
        } else {
            state.begin(&settings)?;
            (
                Trainer::new(self.settings(training.len()))?,
                config.init(backbone.clone(), &device)?,
                Curves::default(),
            )
        };
        println!("model     {base}, {:?}: {} parameters trained", self.arm, model.trained_parameters());
        println!("steps     {} of {} done", trainer.steps_done(), trainer.config().steps);

        let held_out: Vec<&Item> = data.held_out.iter().collect();
        let epoch = training.len().div_ceil(self.steps.batch.max(1));
        let fit = Fit {
            training: &training,
            held_out: &held_out,
            augmentation: self.steps.augmentation(),
            score_every: self.score_every.unwrap_or(epoch.max(25)),
            state: Some(state),
            base,
            usage: self.data.usage(self.steps.size, data.class_names.clone())?,
            device,
        };
        let until = self.stop_after.unwrap_or(usize::MAX);
        let model = fit.advance(&mut trainer, model, &mut curves, until)?;
        if !trainer.is_over() {
            println!("stopped   after {} steps; --resume goes on", trainer.steps_done());
            return Ok(());
        }
        let model = fit.best(&model, &backbone)?;
        self.report(&model, &fit, &curves)
    }

    /// What tells this training from others, but for its length.
    fn made_with(&self, data: &Dataset, model: &SegmentationConfig, base: &str) -> Settings {
        let names = |items: &[Item]| items.iter().map(|item| item.source.name.clone()).collect::<Vec<_>>();
        Settings::default()
            .with("arm", self.arm.name())
            .with("backbone", base)
            .with("data", self.data.settings())
            .with("fraction", self.data.fraction)
            .with("held_out", names(&data.held_out))
            .with("learning_rate", self.steps.learning_rate)
            .with("model", model)
            .with("patience", self.patience)
            .with("seed", self.seed)
            .with("steps", &self.steps)
            .with("training", names(&data.training))
    }

    /// That a training that is gone on with is the one that was begun.
    fn check(&self, state: &StateFolder, settings: &Settings) -> Result<()> {
        let other_end = self.count.is_some() || self.epochs.is_some();
        let free: &[&str] = if other_end { &["learning_rate"] } else { &[] };
        if !state.check(settings, free)? {
            println!(
                "note      the checkpoint does not say what the training began with: it is taken as the same"
            );
        }
        Ok(())
    }

    /// The end that was asked for.
    fn given_steps(&self, items: usize) -> Option<usize> {
        let epoch = items.div_ceil(self.steps.batch.max(1));
        self.count.or_else(|| self.epochs.map(|epochs| epochs * epoch))
    }

    fn settings(&self, items: usize) -> TrainingConfig {
        let epoch = items.div_ceil(self.steps.batch.max(1));
        let steps = self.given_steps(items).unwrap_or(EPOCHS * epoch);
        self.steps.training(steps, self.steps.learning_rate, self.seed).with_patience(self.patience)
    }

    /// Scores and writes the best model.
    fn report(&self, model: &SegmentationModel, fit: &Fit<'_>, curves: &Curves) -> Result<()> {
        let plain = fit.device.clone().without_autodiff();
        let predictions = predict(model, fit.held_out, self.steps.size, &plain)?;
        let scores = predictions.iter().map(ItemScores::of).collect::<Result<Vec<_>>>()?;
        print!("{}", aligned(&summary(&scores)));
        let path = |name: &str| self.output.join(name);
        model.save_trained_for(path("weights.safetensors"), &fit.base, &fit.usage)?;
        write_scores(&path("scores.csv"), fit.held_out, &scores)?;
        write_curves(&path("curves.png"), curves)?;
        write_samples(&path("samples.png"), "held-out samples", &predictions)?;
        println!(
            "written   weights.safetensors, scores.csv, curves.png, samples.png in {}",
            self.output.display()
        );
        if is_segformer(model.config()) {
            model.save_segformer(path("model"), Precision::F16)?;
            fit.usage.save_beside(path("model"))?;
            println!("written   {}", path("model").display());
        }
        Ok(())
    }
}

/// Whether a model is no more than a SegFormer, whose folder has no place for prompts, details and a readout.
const fn is_segformer(config: &SegmentationConfig) -> bool {
    matches!(config.backbone, BackboneConfig::Mit(_))
        && matches!(config.adaptation, Adaptation::Full | Adaptation::HeadOnly)
        && config.detail.is_none()
        && config.readout.is_none()
}
