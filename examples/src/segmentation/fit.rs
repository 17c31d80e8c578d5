//! Training from items, with checkpoints.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use medprompt::inference::Usage;
use medprompt::training::{Augmentation, Batch, Trainer};
use medprompt::{Backbone, MultiTaskModel, SegmentationModel};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::item::Item;
use super::scores::{dice, mean, predict};
use super::settings::Settings;
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
        for path in [self.checkpoint(), self.best(), self.curves(), self.settings()] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::Io { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Forgets an earlier training, and keeps what a new one is made with.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`].
    pub fn begin(&self, settings: &Settings) -> Result<()> {
        self.clear()?;
        write_json(&self.settings(), settings)
    }

    /// That the training whose state this is was made with the same; `free` names parts that may be others, which are kept from now on.
    /// False where the state does not say.
    ///
    /// # Errors
    /// [`Error::Unfit`] with what is otherwise; [`Error::Io`], [`Error::Json`].
    pub fn check(&self, settings: &Settings, free: &[&str]) -> Result<bool> {
        let path = self.settings();
        if !path.exists() {
            return Ok(false);
        }
        let begun: Settings = read_json(&path)?;
        let differences = begun.without(free).differences(&settings.without(free));
        if !differences.is_empty() {
            return Err(Error::Unfit {
                what: "--resume",
                expected: format!("the settings that the training in {} began with", self.0.display()),
                found: differences.join("; "),
            });
        }
        write_json(&path, settings)?;
        Ok(true)
    }

    fn settings(&self) -> PathBuf {
        self.0.join("settings.json")
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
        let curves = self.curves_until(trainer.steps_done())?;
        Ok((trainer, model, curves))
    }

    /// As [`resume`](Self::resume), for a model of several tasks.
    ///
    /// # Errors
    /// As there.
    pub fn resume_tasks(
        &self,
        backbone: Backbone,
        device: &Device,
    ) -> Result<(Trainer, MultiTaskModel, Curves)> {
        let (trainer, model) = Trainer::resume_tasks(self.checkpoint(), backbone, device)?;
        let curves = self.curves_until(trainer.steps_done())?;
        Ok((trainer, model, curves))
    }

    /// Curves are written before the checkpoint.
    fn curves_until(&self, step: usize) -> Result<Curves> {
        let mut curves: Curves = read_json(&self.curves())?;
        curves.loss.retain(|(at, _)| *at <= step);
        curves.dice.retain(|(at, _)| *at <= step);
        Ok(curves)
    }

    pub(super) fn save_tasks(
        &self,
        trainer: &Trainer,
        model: &MultiTaskModel,
        curves: &Curves,
        base: &str,
    ) -> Result<()> {
        write_json(&self.curves(), curves)?;
        Ok(trainer.save_tasks(self.checkpoint(), model, base)?)
    }

    fn save(&self, trainer: &Trainer, model: &SegmentationModel, curves: &Curves, base: &str) -> Result<()> {
        write_json(&self.curves(), curves)?;
        Ok(trainer.save(self.checkpoint(), model, base)?)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: path.into(), source })
}

/// Writes a file beside its place and moves it there.
fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|source| Error::Json { path: path.into(), source })?;
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|source| Error::Io { path: path.into(), source })
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
    /// How images were prepared, for the weights.
    pub usage: Usage,
    /// A device that tracks gradients.
    pub device: Device,
}

impl Fit<'_> {
    /// Trains until the trainer's end. Returns the model out of training: the last one, or the best one where a state is kept.
    ///
    /// # Errors
    /// As [`advance`](Self::advance).
    pub fn run(
        &self,
        trainer: &mut Trainer,
        model: SegmentationModel,
        curves: &mut Curves,
        backbone: &Backbone,
    ) -> Result<SegmentationModel> {
        let model = self.advance(trainer, model, curves, usize::MAX)?;
        self.best(&model, backbone)
    }

    /// Trains until so many steps are done, or until the trainer's end if that comes first. The state goes on from there.
    ///
    /// # Errors
    /// [`Error::Unfit`] without items, [`Error::Segmentation`], [`Error::Io`].
    pub fn advance(
        &self,
        trainer: &mut Trainer,
        mut model: SegmentationModel,
        curves: &mut Curves,
        until: usize,
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
        while !trainer.is_over() && trainer.steps_done() < until {
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
        if let Some(state) = self.state.as_ref().filter(|_| !trainer.is_over()) {
            state.save(trainer, &model, curves, &self.base)?;
        }
        Ok(model)
    }

    /// The model out of training: the best one where a state is kept.
    ///
    /// # Errors
    /// [`Error::Segmentation`].
    pub fn best(&self, model: &SegmentationModel, backbone: &Backbone) -> Result<SegmentationModel> {
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
            model.save_trained_for(state.best(), &self.base, &self.usage)?;
        }
        curves.dice.extend(score.map(|score| (done, score)));
        state.save(trainer, model, curves, &self.base)?;
        let recent: Vec<f64> = curves.loss.iter().rev().take(50).map(|(_, loss)| f64::from(*loss)).collect();
        let score = score.map_or("-".into(), |score| format!("{score:.4}"));
        let mark = if best { " best" } else { "" };
        Ok(format!("step {done}: loss {:.4}, held-out Dice {score}{mark}", mean(&recent).unwrap_or(f64::NAN)))
    }
}

#[cfg(test)]
mod tests {
    use mednn::MitConfig;
    use medprompt::inference::SegmentOptions;
    use medprompt::training::{Sample, TrainingConfig};
    use medprompt::{Adaptation, BackboneConfig, SegmentationConfig};
    use ndarray::{Array2, Array3};

    use super::*;
    use crate::segmentation::Source;

    fn items() -> Vec<Item> {
        let item = |n: usize| {
            let mask = Array2::from_shape_fn((32, 32), |(r, c)| u16::from(r > 8 + n && c > 10));
            let image = Array3::from_shape_fn((3, 32, 32), |(_, r, c)| f32::from(mask[[r, c]]));
            Item { sample: Sample::new(image, mask).unwrap(), source: Source::of(&n.to_string(), None) }
        };
        (0..3).map(item).collect()
    }

    #[test]
    fn a_training_keeps_its_state_and_its_best_model() {
        let device = mednn::Backend::Flex.open().unwrap().device().clone().autodiff();
        let mit = MitConfig::new([8, 8, 12, 16], [1, 1, 1, 1]).with_num_attention_heads([1, 2, 3, 4]);
        let config =
            SegmentationConfig::new(BackboneConfig::Mit(mit), Adaptation::Full, 1).with_decoder_width(8);
        let base = config.backbone.init(&device);
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::new(&folder.path().join("state")).unwrap();
        let items = items();
        let held_out: Vec<&Item> = items.iter().collect();
        let fit = Fit {
            training: &items,
            held_out: &held_out,
            augmentation: Augmentation::new([32, 32]),
            score_every: 2,
            state: Some(state.clone()),
            base: "tiny".into(),
            usage: Usage::new(SegmentOptions::new().with_window(32)),
            device: device.clone(),
        };
        let mut trainer =
            Trainer::new(TrainingConfig::new(5).with_batch(2).with_learning_rate(1e-2)).unwrap();
        let model = config.init(base.clone(), &device).unwrap();
        let mut curves = Curves::default();
        let best = fit.run(&mut trainer, model, &mut curves, &base).unwrap();
        assert_eq!(curves.dice.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [2, 4, 5]);
        assert_eq!(curves.loss.len(), 5);
        let plain = device.clone().without_autodiff();
        let found = predict(&best, &held_out, 32, &plain).unwrap();
        let score = mean(&found.iter().map(|p| dice(p).unwrap()).collect::<Vec<_>>());
        assert_eq!(score, trainer.best_score());

        let (resumed, _, again) = state.resume(base.clone(), &device).unwrap();
        assert_eq!((resumed.steps_done(), resumed.best_score()), (5, trainer.best_score()));
        assert_eq!((again.loss, again.dice.len()), (curves.loss.clone(), 3));
        state.clear().unwrap();
        assert!(state.resume(base.clone(), &device).is_err() && !state.best().exists());
        let none = Fit { training: &[], ..fit };
        let model = config.init(base.clone(), &device).unwrap();
        assert!(matches!(none.run(&mut trainer, model, &mut curves, &base), Err(Error::Unfit { .. })));
    }
}
