//! Training one model on several tasks, with checkpoints.

use burn::module::Module;
use burn::tensor::Device;
use medprompt::MultiTaskModel;
use medprompt::training::{Augmentation, Batch, Trainer};

use super::fit::{Curves, StateFolder};
use super::scores::{Prediction, dice, mean, predict};
use super::tasks::TaskItems;
use crate::error::Result;
use crate::progress;

/// What a training on several tasks is made of.
#[derive(Debug)]
pub struct MultiTaskFit<'a> {
    /// The tasks, in the order of the model's.
    pub tasks: &'a [TaskItems],
    /// Random changes; its size is that of the images that the model sees.
    pub augmentation: Augmentation,
    /// Steps between two scores, each of which is followed by a checkpoint.
    pub score_every: usize,
    /// Where the state is kept.
    pub state: StateFolder,
    /// What the backbone is called.
    pub base: String,
    /// A device that tracks gradients.
    pub device: Device,
}

impl MultiTaskFit<'_> {
    /// Trains until the trainer's end, a step for each task in turn. The last model is what comes out.
    ///
    /// # Errors
    /// [`Error::Segmentation`](crate::Error::Segmentation), [`Error::Io`](crate::Error::Io).
    pub fn run(
        &self,
        trainer: &mut Trainer,
        mut model: MultiTaskModel,
        curves: &mut Curves,
    ) -> Result<MultiTaskModel> {
        let bar = progress::bar(trainer.config().steps, "steps");
        bar.set_position(trainer.steps_done() as u64);
        while !trainer.is_over() {
            let loss;
            (model, loss) = self.step(trainer, model)?;
            let done = trainer.steps_done();
            curves.loss.push((done, loss));
            bar.inc(1);
            if done.is_multiple_of(self.score_every.max(1)) || trainer.is_over() {
                let line = self.score(trainer, &model, curves)?;
                if bar.is_hidden() { println!("{line}") } else { bar.println(line) }
            }
        }
        bar.finish_and_clear();
        Ok(model)
    }

    fn step(&self, trainer: &mut Trainer, model: MultiTaskModel) -> Result<(MultiTaskModel, f32)> {
        let counts: Vec<usize> = self.tasks.iter().map(|task| task.items.training.len()).collect();
        let (turn, samples) = trainer.turn(&counts).unwrap_or_default();
        let task = &self.tasks[turn];
        let changed = samples
            .into_iter()
            .enumerate()
            .map(|(i, s)| self.augmentation.apply(&task.items.training[s].sample, &mut trainer.random(i)))
            .collect::<Result<Vec<_>, _>>()?;
        let batch = Batch::new(&changed, task.items.channels, &self.device)?;
        let (model, losses) = trainer.step_tasks(model, &[(&task.name, &batch)])?;
        Ok((model, losses.first().copied().unwrap_or(f32::NAN)))
    }

    /// What the model makes of the held-out items of a task.
    ///
    /// # Errors
    /// As [`predict`].
    pub fn predict(&self, model: &MultiTaskModel, task: &TaskItems) -> Result<Vec<Prediction>> {
        let plain = self.device.clone().without_autodiff();
        let items: Vec<_> = task.items.held_out.iter().collect();
        predict(&model.task(&task.name)?.valid(), &items, self.augmentation.size[0], &plain)
    }

    /// Scores all tasks and writes a checkpoint; says how it went.
    fn score(&self, trainer: &Trainer, model: &MultiTaskModel, curves: &mut Curves) -> Result<String> {
        let mut all = Vec::new();
        let mut line = format!("step {}: held-out Dice", trainer.steps_done());
        for task in self.tasks {
            let predictions = self.predict(model, task)?;
            let scores = predictions.iter().map(dice).collect::<Result<Vec<_>>>()?;
            let score = mean(&scores).unwrap_or(f64::NAN);
            line += &format!(" {} {score:.4}", task.name);
            all.push(score);
        }
        curves.dice.extend(mean(&all).map(|score| (trainer.steps_done(), score)));
        self.state.save_tasks(trainer, model, curves, &self.base)?;
        Ok(line)
    }
}
