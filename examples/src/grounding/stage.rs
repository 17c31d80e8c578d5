//! One stage of training: epoch after epoch, with a checkpoint and a row of the curve after each.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use medeval::statistics::Bootstrap;
use medground::PhraseGrounder;
use medground::data::GroundingSample;
use medground::training::{FeatureCacheOptions, Trainer, TrainingConfig};

use super::fnv::Fnv;
use super::images::ImageFolder;
use crate::error::{Error, Result};
use crate::picture::{Canvas, Chart, Line, sheet};
use crate::progress;

/// What a stage learns from, and how.
#[derive(Debug)]
pub struct Stage<'a> {
    /// What it is called, for messages.
    pub name: &'a str,
    /// Learnt from.
    pub train: &'a [GroundingSample],
    /// Evaluated in the course of it; chooses nothing.
    pub watched: &'a [GroundingSample],
    /// Evaluated after each how many-th epoch, and at the end.
    pub watch_every: usize,
    /// The images of both.
    pub images: &'a ImageFolder,
    /// Rates, epochs, seed.
    pub config: TrainingConfig,
    /// How much of frozen features is kept.
    pub cache: FeatureCacheOptions,
    /// A checkpoint after each how many-th epoch, and at the end.
    pub checkpoint_every: usize,
    /// Where checkpoints, `curve.csv` and `curve.png` are.
    pub folder: PathBuf,
}

/// Trains a stage to its end: from its last checkpoint, or from `start`. What is lost when the program is stopped is the epoch that it
/// is in.
///
/// # Errors
/// [`Error::Unfit`] without samples; as [`Trainer::train`] and [`Trainer::resume`], and [`Error::Io`].
pub fn train_stage(
    start: impl FnOnce(&Device) -> Result<PhraseGrounder>,
    stage: &Stage<'_>,
    device: &Device,
) -> Result<Trainer> {
    let what = "the samples to learn from";
    if stage.train.is_empty() {
        let expected = format!("at least one for {}", stage.name);
        return Err(Error::Unfit { what, expected, found: "none".to_string() });
    }
    create(&stage.folder)?;
    check_samples(stage)?;
    let mut trainer = match last_checkpoint(&stage.folder)? {
        Some(folder) => {
            let trainer = Trainer::resume(folder, stage.config.clone(), device)?;
            println!("{}: goes on after {} steps", stage.name, trainer.steps());
            trainer
        }
        None => Trainer::new(start(device)?, stage.config.clone())?,
    }
    .with_feature_cache(stage.cache);
    let per_epoch = stage.train.len().div_ceil(stage.config.batch_size);
    let mut curve = Curve::read(&stage.folder)?;
    curve.0.truncate(trainer.steps() / per_epoch);
    let bar = progress::bar(per_epoch * stage.config.epochs, "steps");
    while trainer.steps() < per_epoch * stage.config.epochs {
        let mut losses = Vec::new();
        let load = |sample: &GroundingSample| load_sample(stage.images, sample);
        trainer.train(stage.train, load, |step| {
            losses.push(step.loss);
            bar.set_position(step.step as u64 + 1);
            if (step.step + 1) % per_epoch == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let epoch = trainer.steps() / per_epoch;
        let loss = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        let due = |every: usize| epoch.is_multiple_of(every.max(1)) || epoch == stage.config.epochs;
        let scores = if due(stage.watch_every) { watch(&mut trainer, stage)? } else { Row::default() };
        let row = Row { epoch, loss, ..scores };
        bar.suspend(|| println!("{}: {row}", stage.name));
        curve.0.push(row);
        // The checkpoint is last: an epoch without it is done again.
        if due(stage.checkpoint_every) {
            curve.write(&stage.folder)?;
            save_checkpoint(&trainer, &stage.folder, epoch)?;
        }
    }
    bar.finish_and_clear();
    Ok(trainer)
}

/// That the samples are those that the folder's checkpoints learnt from.
fn check_samples(stage: &Stage<'_>) -> Result<()> {
    let mut hash = Fnv::new(0);
    for sample in stage.train {
        hash = hash.with(sample.image.as_bytes()).with(&[0]).with(sample.phrase.as_bytes()).with(&[0]);
        for value in sample.boxes.iter().flat_map(medcore::PixelBox::xyxy) {
            hash = hash.with(&value.to_le_bytes());
        }
    }
    let text = format!("{} samples, {:016x}\n", stage.train.len(), hash.value());
    let path = stage.folder.join("samples.txt");
    if last_checkpoint(&stage.folder)?.is_some() {
        let found =
            std::fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        if found != text {
            let (expected, found) = (found.trim().to_string(), text.trim().to_string());
            return Err(Error::Unfit { what: "the samples of the checkpoint", expected, found });
        }
    }
    std::fs::write(&path, text).map_err(|source| Error::Io { path, source })
}

/// Reads the image of a sample, for a trainer.
///
/// # Errors
/// [`medground::Error::Image`] and [`medground::Error::Io`], with the reason of [`ImageFolder::load`].
pub fn load_sample(images: &ImageFolder, sample: &GroundingSample) -> medground::Result<medcore::Image<f32>> {
    images.load(&sample.image).map_err(|error| match error {
        Error::Volume(error) => medground::Error::Image(error),
        // The crate knows no image files: the reason goes along as that of a file that cannot be read.
        other => medground::Error::Io {
            path: PathBuf::from(&sample.image),
            source: std::io::Error::other(other.to_string()),
        },
    })
}

fn watch(trainer: &mut Trainer, stage: &Stage<'_>) -> Result<Row> {
    if stage.watched.is_empty() {
        return Ok(Row::default());
    }
    // The interval is not looked at.
    let bootstrap = Bootstrap { resamples: 1, ..Bootstrap::default() };
    let scores = trainer.evaluate(stage.watched, |sample| load_sample(stage.images, sample), bootstrap)?;
    Ok(Row {
        mean_iou: scores.mean_iou.map(|s| s.estimate),
        accuracy: scores.accuracy.map(|s| s.estimate),
        set_f1: Some(scores.set_f1.estimate),
        ..Row::default()
    })
}

/// What is known after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Row {
    epoch: usize,
    loss: f64,
    mean_iou: Option<f64>,
    accuracy: Option<f64>,
    set_f1: Option<f64>,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "epoch {}: loss {:.4}", self.epoch, self.loss)?;
        for (name, value) in [("mIoU", self.mean_iou), ("Acc@.5", self.accuracy), ("set-F1", self.set_f1)] {
            if let Some(value) = value {
                write!(f, ", {name} {value:.3}")?;
            }
        }
        Ok(())
    }
}

/// A row for each epoch.
#[derive(Debug, Clone, PartialEq, Default)]
struct Curve(Vec<Row>);

const CURVE: &str = "curve.csv";
const HEADING: &str = "epoch,loss,mean_iou,accuracy,set_f1";

impl Curve {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(CURVE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text =
            std::fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let row = |line: &str| {
            let mut fields = line.split(',');
            let mut number = || fields.next()?.parse::<f64>().ok();
            let (epoch, loss) = (number()? as usize, number()?);
            Some(Row { epoch, loss, mean_iou: number(), accuracy: number(), set_f1: number() })
        };
        Ok(Self(text.lines().skip(1).filter_map(row).collect()))
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let cell = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let mut text = format!("{HEADING}\n");
        for row in &self.0 {
            let scores = [row.mean_iou, row.accuracy, row.set_f1].map(cell).join(",");
            text += &format!("{},{},{scores}\n", row.epoch, row.loss);
        }
        let path = folder.join(CURVE);
        std::fs::write(&path, text).map_err(|source| Error::Io { path, source })?;
        Ok(self.picture()?.write_png(folder.join("curve.png"))?)
    }

    /// The loss, and below it the scores.
    fn picture(&self) -> Result<Canvas> {
        let line = |name: &str, of: &dyn Fn(&Row) -> Option<f64>| Line {
            name: name.to_string(),
            points: self.0.iter().filter_map(|row| Some([row.epoch as f64, of(row)?])).collect(),
        };
        let chart = |title: &str, lines: Vec<Line>| {
            let (title, across) = (title.to_string(), "epoch".to_string());
            Chart { title, across, lines, ..Chart::default() }.draw()
        };
        let scores = [
            line("mIoU", &|row| row.mean_iou),
            line("Acc@.5", &|row| row.accuracy),
            line("set-F1", &|row| row.set_f1),
        ];
        let scores: Vec<Line> = scores.into_iter().filter(|line| !line.points.is_empty()).collect();
        let mut charts = vec![chart("loss", vec![line("training", &|row| Some(row.loss))])?];
        if !scores.is_empty() {
            charts.push(chart("held out", scores)?);
        }
        Ok(sheet("", &charts)?)
    }
}

const CHECKPOINT: &str = "checkpoint-";

/// The checkpoint of the latest epoch, complete by its name.
fn last_checkpoint(folder: &Path) -> Result<Option<PathBuf>> {
    Ok(checkpoints(folder)?.pop().map(|(_, path)| path))
}

fn checkpoints(folder: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let entries =
        std::fs::read_dir(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
    let epoch = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix(CHECKPOINT)?.parse().ok()?;
        Some((name, path))
    };
    let mut found: Vec<(usize, PathBuf)> =
        entries.flatten().filter_map(|entry| epoch(entry.path())).collect();
    found.sort();
    Ok(found)
}

/// Writes a checkpoint under another name, renames it when it is complete, and removes earlier ones.
fn save_checkpoint(trainer: &Trainer, folder: &Path, epoch: usize) -> Result<()> {
    let (partial, path) = (folder.join("checkpoint.partial"), folder.join(format!("{CHECKPOINT}{epoch}")));
    let io = |source| Error::Io { path: path.clone(), source };
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(io)?;
    }
    trainer.save(&partial)?;
    std::fs::rename(&partial, &path).map_err(io)?;
    for (earlier, path) in checkpoints(folder)? {
        if earlier < epoch {
            std::fs::remove_dir_all(&path).map_err(|source| Error::Io { path, source })?;
        }
    }
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_come_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Curve::read(folder.path()).unwrap(), Curve::default());
        let first = Row { epoch: 1, loss: 0.25, mean_iou: Some(0.5), accuracy: None, set_f1: Some(0.125) };
        let curve = Curve(vec![first, Row { epoch: 2, loss: 0.125, ..Row::default() }]);
        curve.write(folder.path()).unwrap();
        assert_eq!(Curve::read(folder.path()).unwrap(), curve);
    }

    #[test]
    fn the_last_complete_checkpoint_counts() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["checkpoint-9", "checkpoint-10", "checkpoint.partial", "other"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let last = last_checkpoint(folder.path()).unwrap().unwrap();
        assert_eq!(last.file_name().unwrap(), "checkpoint-10");
    }
}
