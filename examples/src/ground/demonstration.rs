//! Training the small grounder of `fixtures/ground-cxr`, from scratch, and measuring it on held-out patients.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use medcore::Image;
use medeval::classification::roc_auc;
use medeval::statistics::{Bootstrap, Clusters, Interval};
use medground::data::{GroundingSample, read_json_lines};
use medground::model::GroundingConfig;
use medground::training::{Trainer, TrainingConfig, TrainingStep};
use medground::vision::{ImagePreprocessor, VisionBackboneConfig};
use medground::{GroundOptions, PhraseGrounder, PreparedImage, evaluate};
use mednn::text::Tokenizer;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::picture_file::read_png;

/// Phrases and the images they are about.
#[derive(Debug)]
pub struct Annotations {
    /// The samples, those of one image after one another.
    pub samples: Vec<GroundingSample>,
    kinds: HashMap<(String, String), String>,
    images: PathBuf,
}

impl Annotations {
    /// Reads `NAME.jsonl` of a folder; its images are in `NAME/`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unfit`] when a line gives no sample.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let text = read_text(&folder.join(format!("{name}.jsonl")))?;
        let read = read_json_lines(&text);
        if !read.report.dropped.is_empty() || read.samples.is_empty() {
            let found = format!("{} of {} dropped", read.report.dropped.len(), read.report.rows);
            return Err(Error::Unfit { what: "lines", expected: "all to give samples".into(), found });
        }
        let field = |line: &Value, name: &str| line.get(name).and_then(Value::as_str).map(str::to_string);
        let kind = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(((field(&line, "image")?, field(&line, "phrase")?), field(&line, "kind")?))
        };
        Ok(Self {
            kinds: text.lines().filter_map(kind).collect(),
            samples: read.samples,
            images: folder.join(name),
        })
    }

    /// The image of a sample.
    ///
    /// # Errors
    /// As [`read_png`].
    pub fn image(&self, sample: &GroundingSample) -> Result<Image<f32>> {
        read_png(&self.images.join(&sample.image))
    }

    /// What a sample tests, as its line says.
    fn kind(&self, sample: &GroundingSample) -> &str {
        self.kinds.get(&(sample.image.clone(), sample.phrase.clone())).map_or("", String::as_str)
    }
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

/// A grounder with random weights from a folder with `config.json`, `tokenizer.json` and `image_preprocessor.json`. The batch norms of
/// its backbone learn, which those of a published backbone should not.
///
/// # Errors
/// [`Error::Io`]; [`Error::Grounding`] and [`Error::Network`] when the files do not fit one another.
pub fn untrained(folder: &Path, device: &Device) -> Result<PhraseGrounder> {
    let mut config = GroundingConfig::from_json(&read_text(&folder.join("config.json"))?)?;
    if let GroundingConfig::Generalised(config) = &mut config
        && let VisionBackboneConfig::ResNet(resnet) = &mut config.transformer.vision
    {
        resnet.frozen_batch_norm = false;
    }
    let syntax = |source| medground::Error::Syntax { what: "image_preprocessor.json".to_string(), source };
    let preprocessor: ImagePreprocessor =
        serde_json::from_str(&read_text(&folder.join("image_preprocessor.json"))?).map_err(syntax)?;
    let tokenizer = Tokenizer::from_pretrained(folder)?;
    let model = config.init(device);
    Ok(PhraseGrounder::new(config, model, tokenizer, preprocessor, device)?)
}

/// Where a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps that were taken.
    pub steps: usize,
    /// How many there will be.
    pub total: usize,
    /// Mean loss since the last time.
    pub loss: f64,
}

/// Trains on annotations, for `most` steps if not to the last epoch; `observe` sees the grounder after `every` so many steps and after
/// the last.
///
/// # Errors
/// [`Error::Grounding`], and what reading an image or `observe` gives.
pub fn train(
    grounder: PhraseGrounder,
    annotations: &Annotations,
    config: TrainingConfig,
    most: usize,
    every: usize,
    mut observe: impl FnMut(Progress, &PhraseGrounder) -> Result<()>,
) -> Result<PhraseGrounder> {
    let mut trainer = Trainer::new(grounder, config)?;
    loop {
        let (mut losses, mut total, mut failed) = (Vec::new(), 0, None);
        let look = |step: TrainingStep| {
            losses.push(step.loss);
            total = step.total.min(most);
            let go_on = losses.len() < every && step.step + 1 < most;
            if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let trained =
            trainer.train(&annotations.samples, |sample| load(annotations, sample, &mut failed), look);
        failed.map_or(Ok(()), Err)?;
        trained?;
        if losses.is_empty() {
            return Ok(trainer.grounder().clone());
        }
        let loss = losses.iter().sum::<f64>() / losses.len() as f64;
        observe(Progress { steps: trainer.steps(), total, loss }, trainer.grounder())?;
        if trainer.steps() >= most {
            return Ok(trainer.grounder().clone());
        }
    }
}

/// The image, and its own error kept beside that which the trainer knows.
fn load(
    annotations: &Annotations,
    sample: &GroundingSample,
    failed: &mut Option<Error>,
) -> medground::Result<Image<f32>> {
    annotations.image(sample).map_err(|error| {
        *failed = Some(error);
        let (what, expected) = ("images", "one that can be read".to_string());
        medground::Error::Batch { what, expected, found: "another".to_string() }
    })
}

/// How well phrases of one kind are grounded.
#[derive(Debug, Clone, PartialEq)]
pub struct KindScores {
    /// Which kind.
    pub kind: String,
    /// Samples and their images.
    pub samples: usize,
    /// Mean IoU of the best box, 0 where none reaches the score; none for kinds without exactly one box.
    pub mean_iou: Option<Interval>,
    /// Share of IoU at least 0.5.
    pub accuracy: Option<Interval>,
    /// Mean F1 of the set of boxes; for absent things the share that is refused.
    pub set_f1: Interval,
    /// For absent things: area under the ROC curve of their scores against those of all that is there.
    pub roc_auc: Option<Interval>,
}

/// What a grounder does on held-out patients.
#[derive(Debug, Clone, PartialEq)]
pub struct DemonstrationScores {
    /// By kind, in the order of their first samples.
    pub kinds: Vec<KindScores>,
    /// Boxes of a lung that lie nearer to the other one.
    pub confused_sides: usize,
    /// Of how many that were found.
    pub found_sides: usize,
}

/// Measures a grounder; intervals draw whole patients.
///
/// # Errors
/// [`Error::Grounding`], [`Error::Measure`], and what reading an image gives.
pub fn measure(grounder: &PhraseGrounder, annotations: &Annotations) -> Result<DemonstrationScores> {
    let scores = best_scores(grounder, annotations)?;
    let all = &annotations.samples;
    let mut order: Vec<&str> = Vec::new();
    for sample in all {
        if !order.contains(&annotations.kind(sample)) {
            order.push(annotations.kind(sample));
        }
    }
    let present: Vec<usize> = (0..all.len()).filter(|&i| !all[i].boxes.is_empty()).collect();
    let mut kinds = Vec::new();
    for kind in order {
        let own: Vec<usize> = (0..all.len()).filter(|&i| annotations.kind(&all[i]) == kind).collect();
        let samples: Vec<GroundingSample> = own.iter().map(|&i| all[i].clone()).collect();
        let mut failed = None;
        let load = |sample: &GroundingSample| load(annotations, sample, &mut failed);
        let found = evaluate(grounder, &samples, load, Bootstrap::default());
        failed.map_or(Ok(()), Err)?;
        let found = found?;
        let absent = samples.iter().all(|sample| sample.boxes.is_empty());
        let roc_auc = absent.then(|| area(&[&present[..], &own].concat(), all, &scores)).transpose()?;
        kinds.push(KindScores {
            kind: kind.to_string(),
            samples: samples.len(),
            mean_iou: found.mean_iou,
            accuracy: found.accuracy,
            set_f1: found.set_f1,
            roc_auc,
        });
    }
    let (confused_sides, found_sides) = confused(grounder, annotations)?;
    Ok(DemonstrationScores { kinds, confused_sides, found_sides })
}

/// For each image its samples, by index, with its features.
fn each_image(
    grounder: &PhraseGrounder,
    annotations: &Annotations,
    mut work: impl FnMut(&PreparedImage, &[usize]) -> Result<()>,
) -> Result<()> {
    let all = &annotations.samples;
    let indices: Vec<usize> = (0..all.len()).collect();
    for group in indices.chunk_by(|&a, &b| all[a].image == all[b].image) {
        if let Some(&first) = group.first() {
            work(&grounder.prepare(&annotations.image(&all[first])?)?, group)?;
        }
    }
    Ok(())
}

fn best_scores(grounder: &PhraseGrounder, annotations: &Annotations) -> Result<Vec<f64>> {
    let mut scores = Vec::with_capacity(annotations.samples.len());
    each_image(grounder, annotations, |image, group| {
        let phrases: Vec<&str> = group.iter().map(|&i| annotations.samples[i].phrase.as_str()).collect();
        scores.extend(grounder.best_scores(image, &phrases)?);
        Ok(())
    })?;
    Ok(scores)
}

fn area(of: &[usize], samples: &[GroundingSample], scores: &[f64]) -> Result<Interval> {
    let patients: Vec<_> = of.iter().map(|&i| samples[i].patient.clone()).collect();
    let auc = |items: &[usize]| {
        let (scores, truth): (Vec<f64>, Vec<bool>) =
            items.iter().map(|&at| (scores[of[at]], !samples[of[at]].boxes.is_empty())).unzip();
        roc_auc(&scores, &truth).ok()
    };
    Ok(Bootstrap { resamples: 500, ..Bootstrap::default() }.interval(&Clusters::of(&patients), auc)?)
}

/// Boxes of one lung whose centre is nearer to that of the other, of those that reach a score of one half.
fn confused(grounder: &PhraseGrounder, annotations: &Annotations) -> Result<(usize, usize)> {
    let options = GroundOptions { least_score: 0.5, ..grounder.options() };
    let grounder = grounder.clone().with_options(options)?;
    let all = &annotations.samples;
    let (mut wrong, mut found) = (0, 0);
    each_image(&grounder, annotations, |image, group| {
        let sides: Vec<usize> = ["right lung", "left lung"]
            .iter()
            .filter_map(|side| group.iter().copied().find(|&i| all[i].phrase == *side))
            .collect();
        let [right, left] = sides[..] else { return Ok(()) };
        for (own, other) in [(right, left), (left, right)] {
            if let Some(hit) = grounder.ground_prepared(image, &all[own].phrase)?.first() {
                let middle = |b: [f64; 4]| (b[0] + b[2]) / 2.0;
                let truth = |i: usize| all[i].boxes.first().map_or(0.0, |b| middle(b.xyxy()));
                let at = middle(hit.region.bounds().xyxy());
                found += 1;
                wrong += usize::from((at - truth(other)).abs() < (at - truth(own)).abs());
            }
        }
        Ok(())
    })?;
    Ok((wrong, found))
}
