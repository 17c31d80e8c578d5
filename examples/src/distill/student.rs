//! The student and its training.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use mednn::bridge::read_f32;
use mednn::optim::AdamWConfig;
use mednn::weights::{KeyMap, Precision, Strictness, WeightSource, WeightWriter, load, load_part};
use mednn::{Vit, VitConfig};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::data::{TeacherFeatures, images};
use super::views::View;
use crate::error::{Error, Result};
use crate::progress;

/// A small vision transformer with a linear map to each kind of the teacher's tokens.
#[derive(Module, Debug)]
pub struct Student {
    /// What is kept.
    pub vit: Vit,
    heads: Heads,
}

#[derive(Module, Debug)]
struct Heads {
    cls: Linear,
    patches: Linear,
}

const HEADS: KeyMap =
    KeyMap { layers: &[&[("cls", "cls"), ("patches", "patches")]], prefixes: &[], ignored: &[] };

impl Student {
    /// From a first state, for a teacher of some width.
    fn new(vit: Vit, teacher_width: usize, device: &Device) -> Self {
        let head = || LinearConfig::new(vit.width(), teacher_width).init(device);
        let heads = Heads { cls: head(), patches: head() };
        Self { vit, heads }
    }

    /// Mean squared errors of the predicted class and patch tokens; 1 is what the mean would reach.
    fn errors(&self, views: Tensor<4>, (cls, patches): (Tensor<3>, Tensor<3>)) -> (Tensor<1>, Tensor<1>) {
        let output = self.vit.forward(views);
        let predicted = self.heads.cls.forward(output.cls().unsqueeze_dim::<3>(1));
        let cls = (predicted - cls).square().mean();
        let patches = (self.heads.patches.forward(output.patches()) - patches).square().mean();
        (cls, patches)
    }

    fn save(&self, path: &Path, config: &VitConfig) -> Result<()> {
        let mut writer = WeightWriter::new(Precision::F32);
        writer.add("vit.", &self.vit, config.key_map())?;
        writer.add("heads.", &self.heads, &HEADS)?;
        Ok(writer.write(path)?)
    }

    fn load(self, path: &Path, config: &VitConfig) -> Result<Self> {
        let mut source = WeightSource::open(path)?;
        let (vit, _) = load_part(self.vit, &mut source, config.key_map(), "vit.", Strictness::Exact)?;
        let (heads, _) = load_part(self.heads, &mut source, &HEADS, "heads.", Strictness::Exact)?;
        Ok(Self { vit, heads })
    }
}

/// How the student learns.
#[derive(Debug, Clone)]
pub struct StudentTraining {
    /// Passes over the views.
    pub epochs: usize,
    /// Views per step.
    pub batch: usize,
    /// Highest learning rate; rises over the first 5 %, then falls as a cosine.
    pub learning_rate: f64,
    /// Folder for the state after each epoch; a later run goes on from there.
    pub state: PathBuf,
}

/// Views with what the teacher says about them.
pub type Taught<'a> = (&'a [View], &'a TeacherFeatures);

/// The first blocks of a teacher, between its embeddings and its final norm: what the student starts from. `config` is the
/// teacher's, with fewer layers.
///
/// # Errors
/// [`Error::Network`] when the file does not fit.
pub fn first_blocks(config: &VitConfig, teacher: &Path, device: &Device) -> Result<Vit> {
    let mut source = WeightSource::open(teacher.join("model.safetensors"))?;
    let (vit, _) = load(config.init(device), &mut source, config.key_map(), Strictness::AllowUnused)?;
    Ok(vit)
}

/// Trains a student from `start` (on an autodiff device), showing progress; after each epoch the state is kept, and a run that was cut off goes on from it (the
/// optimiser's moments start anew).
///
/// # Errors
/// [`Error::Network`] when the device fails, [`Error::Io`] when the state cannot be kept.
pub fn train_student(
    config: &VitConfig,
    start: Vit,
    training: Taught<'_>,
    validation: Taught<'_>,
    settings: &StudentTraining,
    device: &Device,
) -> Result<Student> {
    let autodiff = device.clone().autodiff();
    let mut student = Student::new(start, training.1.width(), &autodiff);
    let (weights, epoch_file) = (settings.state.join("student.safetensors"), settings.state.join("epoch"));
    let mut first = 0;
    if let Ok(epoch) = std::fs::read_to_string(&epoch_file) {
        student = student.load(&weights, config)?;
        first = epoch.trim().parse().unwrap_or(0);
        eprintln!("going on after epoch {first}");
    }
    let mut optimizer = AdamWConfig::new()
        .with_weight_decay(0.05)
        .init()
        .with_grad_clipping(GradientClippingConfig::Norm(1.0).init());
    let steps = training.0.len() / settings.batch;
    for epoch in first..settings.epochs {
        let started = Instant::now();
        let mut order: Vec<usize> = (0..training.0.len()).collect();
        order.shuffle(&mut StdRng::seed_from_u64(epoch as u64));
        let bar = progress::bar(steps, "student");
        let mut sum = Tensor::<1>::zeros([1], device);
        for (step, batch) in order.chunks_exact(settings.batch).enumerate() {
            let done = (epoch * steps + step) as f64 / (settings.epochs * steps) as f64;
            let views: Vec<&View> = batch.iter().map(|&i| &training.0[i]).collect();
            let (cls, patches) =
                student.errors(images(&views, &autodiff), training.1.batch(batch, &autodiff));
            sum = sum + patches.clone().inner();
            let gradients = GradientsParams::from_grads((cls + patches).backward(), &student);
            student = optimizer.step(settings.learning_rate * schedule(done), student, gradients);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let seen = f64::from(read_f32(sum)?[0]) / steps.max(1) as f64;
        let [cls, patches] = evaluate(&student.valid(), validation, settings.batch, device)?;
        println!(
            "epoch {:3}: explained variance of patch tokens {:.3}; held-out: {:.3}, class tokens {:.3} ({:.0} s)",
            epoch + 1,
            1.0 - seen,
            1.0 - patches,
            1.0 - cls,
            started.elapsed().as_secs_f64()
        );
        student.save(&weights, config)?;
        std::fs::write(&epoch_file, (epoch + 1).to_string())
            .map_err(|source| Error::Io { path: epoch_file.clone(), source })?;
    }
    Ok(student.valid())
}

/// Linear warm-up over the first 5 %, then a cosine to 1 %.
fn schedule(done: f64) -> f64 {
    const WARM_UP: f64 = 0.05;
    if done < WARM_UP {
        return (done / WARM_UP).max(0.01);
    }
    let part = (done - WARM_UP) / (1.0 - WARM_UP);
    0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
}

fn evaluate(
    student: &Student,
    (views, teacher): Taught<'_>,
    batch: usize,
    device: &Device,
) -> Result<[f64; 2]> {
    let mut sums = [0.0; 2];
    let all: Vec<usize> = (0..views.len()).collect();
    for part in all.chunks(batch) {
        let chosen: Vec<&View> = part.iter().map(|&i| &views[i]).collect();
        let (cls, patches) = student.errors(images(&chosen, device), teacher.batch(part, device));
        for (sum, error) in sums.iter_mut().zip([cls, patches]) {
            *sum += f64::from(read_f32(error)?[0]) * part.len() as f64;
        }
    }
    Ok(sums.map(|s| s / views.len() as f64))
}
