//! Training from items, with checkpoints.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use medprompt::training::{Augmentation, Batch, Trainer};
use medprompt::{Backbone, SegmentationModel};
use serde::{Deserialize, Serialize};

use super::item::Item;
use super::scores::{dice, mean, predict};
use crate::error::{Error, Result};
use crate::progress;

/// The course of a training.
#[derive(Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// Step and loss.
    pub loss: Vec<(usize, f32)>,
    /// Step and mean Dice of the held-out items.
    pub dice: Vec<(usize, f64)>,
}

/// Where a training keeps its state.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// In a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
        Ok(Self(folder.to_path_buf()))
    }

    /// What training goes on from.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint.safetensors")
    }

    /// The weights of the best score so far.
    pub fn best(&self) -> PathBuf {
        self.0.join("best.safetensors")
    }

    /// Forgets an earlier training.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear(&self) -> Result<()> {
        for path in [self.checkpoint(), self.best(), self.curves()] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::Io { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn curves(&self) -> PathBuf {
        self.0.join("curves.json")
    }

    /// Trainer, model and curves as they were at the last checkpoint.
    ///
    /// # Errors
    /// [`Error::Segmentation`], [`Error::Io`], [`Error::Json`].
    pub fn resume(
        &self,
        backbone: Backbone,
        device: &Device,
    ) -> Result<(Trainer, SegmentationModel, Curves)> {
        let (trainer, model) = Trainer::resume(self.checkpoint(), backbone, device)?;
        let path = self.curves();
        let text =
            std::fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let mut curves: Curves =
            serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
        // They are written before the checkpoint.
        curves.loss.retain(|(step, _)| *step <= trainer.steps_done());
        curves.dice.retain(|(step, _)| *step <= trainer.steps_done());
        Ok((trainer, model, curves))
    }

    fn save(&self, trainer: &Trainer, model: &SegmentationModel, curves: &Curves, base: &str) -> Result<()> {
        let path = self.curves();
        let text =
            serde_json::to_string(curves).map_err(|source| Error::Json { path: path.clone(), source })?;
        let partial = path.with_extension("partial");
        std::fs::write(&partial, text)
            .and_then(|()| std::fs::rename(&partial, &path))
            .map_err(|source| Error::Io { path, source })?;
        Ok(trainer.save(self.checkpoint(), model, base)?)
    }
}

/// What a training is made of.
#[derive(Debug)]
pub struct Fit<'a> {
    /// Items to learn from.
    pub training: &'a [Item],
    /// Items to score on.
    pub held_out: &'a [&'a Item],
    /// Random changes; its size is that of the images that the model sees.
    pub augmentation: Augmentation,
    /// Steps between two scores, each of which is followed by a checkpoint; 0 for none but at the end.
    pub score_every: usize,
    /// Where the state is kept, if it is.
    pub state: Option<StateFolder>,
    /// What the backbone is called.
    pub base: String,
    /// A device that tracks gradients.
    pub device: Device,
}

impl Fit<'_> {
    /// Trains until the trainer's end. Returns the model out of training: the last one, or the best one where a state is kept.
    ///
    /// # Errors
    /// [`Error::Unfit`] without items, [`Error::Segmentation`], [`Error::Io`].
    pub fn run(
        &self,
        trainer: &mut Trainer,
        mut model: SegmentationModel,
        curves: &mut Curves,
        backbone: &Backbone,
    ) -> Result<SegmentationModel> {
        if self.training.is_empty() {
            return Err(Error::Unfit {
                what: "training items",
                expected: "at least one".into(),
                found: "none".into(),
            });
        }
        let bar = progress::bar(trainer.config().steps, "steps");
        bar.set_position(trainer.steps_done() as u64);
        while !trainer.is_over() {
            let loss;
            (model, loss) = self.step(trainer, model)?;
            let done = trainer.steps_done();
            curves.loss.push((done, loss));
            bar.inc(1);
            let due = self.score_every > 0 && done.is_multiple_of(self.score_every);
            if self.state.is_some() && (due || done >= trainer.config().steps) {
                let line = self.score(trainer, &model, curves)?;
                if bar.is_hidden() { println!("{line}") } else { bar.println(line) }
            }
        }
        bar.finish_and_clear();
        let plain = self.device.clone().without_autodiff();
        match self.state.as_ref().filter(|state| state.best().exists()) {
            Some(state) => {
                let weights = medprompt::TrainedWeights::open(state.best())?;
                Ok(weights.load(backbone.valid(), &plain)?.valid())
            }
            None => Ok(model.valid()),
        }
    }

    fn step(&self, trainer: &mut Trainer, model: SegmentationModel) -> Result<(SegmentationModel, f32)> {
        let chosen = trainer.next_samples(self.training.len()).into_iter().enumerate();
        let changed = chosen
            .map(|(i, s)| self.augmentation.apply(&self.training[s].sample, &mut trainer.random(i)))
            .collect::<Result<Vec<_>, _>>()?;
        let batch = Batch::new(&changed, model.config().classes, &self.device)?;
        Ok(trainer.step(model, &batch)?)
    }

    /// Scores the model, keeps it when it is the best, and writes a checkpoint; says how it went.
    fn score(&self, trainer: &mut Trainer, model: &SegmentationModel, curves: &mut Curves) -> Result<String> {
        let Some(state) = &self.state else { return Ok(String::new()) };
        let plain = self.device.clone().without_autodiff();
        let predictions = predict(&model.valid(), self.held_out, self.augmentation.size[0], &plain)?;
        let scores = predictions.iter().map(dice).collect::<Result<Vec<_>>>()?;
        let (done, score) = (trainer.steps_done(), mean(&scores));
        let best = trainer.observe(score.unwrap_or(f64::NAN));
        if best {
            model.save_trained(state.best(), &self.base)?;
        }
        curves.dice.extend(score.map(|score| (done, score)));
        state.save(trainer, model, curves, &self.base)?;
        let recent: Vec<f64> = curves.loss.iter().rev().take(50).map(|(_, loss)| f64::from(*loss)).collect();
        let score = score.map_or("-".into(), |score| format!("{score:.4}"));
        let mark = if best { " best" } else { "" };
        Ok(format!("step {done}: loss {:.4}, held-out Dice {score}{mark}", mean(&recent).unwrap_or(f64::NAN)))
    }
}
