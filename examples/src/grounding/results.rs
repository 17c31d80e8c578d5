//! Scores of each sample, kept so that runs can be compared on the same samples.

use std::collections::BTreeMap;
use std::path::Path;

use medcore::PixelBox;
use medeval::detection::set_f1;
use medeval::statistics::{Bootstrap, Clusters, Interval, paired_difference};
use medground::GroundingScores;
use medground::data::GroundingSample;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::table::aligned;

/// Estimate and ends of a 95 % interval that draws whole patients.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Of all samples.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<Interval> for Score {
    fn from(interval: Interval) -> Self {
        Self { estimate: interval.estimate, low: interval.low, high: interval.high }
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} [{:.3}, {:.3}]", self.estimate, self.low, self.high)
    }
}

/// What was found for a sample.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct SampleResult {
    /// The image, as the annotations name it.
    pub image: String,
    /// The phrase.
    pub phrase: String,
    /// The patient; without one the image.
    pub patient: String,
    /// IoU of the best box, for samples with one true box.
    pub iou: Option<f64>,
    /// F1 of the set of boxes at IoU 0.5.
    pub set_f1: f64,
    /// True boxes: left, top, right, bottom in pixels.
    pub truth: Vec<[f64; 4]>,
    /// Boxes that were found, best first.
    pub boxes: Vec<[f64; 4]>,
    /// Their scores.
    pub scores: Vec<f64>,
}

/// A set of samples that was evaluated at some point of training.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct EvaluatedSet {
    /// When and on what, such as "zero-shot".
    pub name: String,
    /// Mean IoU of samples with one true box.
    pub mean_iou: Option<Score>,
    /// Share of them with an IoU of at least 0.5.
    pub accuracy: Option<Score>,
    /// Mean F1 of the set of boxes at IoU 0.5.
    pub set_f1: Score,
    /// Phrases that were longer than the model reads.
    pub cut_phrases: usize,
    /// Each sample.
    pub samples: Vec<SampleResult>,
}

/// `results.json` of a run.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
pub struct Results {
    /// In the order in which they were evaluated.
    pub sets: Vec<EvaluatedSet>,
}

impl EvaluatedSet {
    /// From scores of samples.
    pub fn new(name: &str, samples: &[GroundingSample], scores: &GroundingScores) -> Self {
        let of = |(sample, found): (&GroundingSample, &medground::GroundedSample)| SampleResult {
            iou: found.iou,
            set_f1: found.set_f1,
            boxes: found.hits.iter().map(|hit| hit.region.bounds().xyxy()).collect(),
            scores: found.hits.iter().map(|hit| hit.score).collect(),
            ..SampleResult::of(sample)
        };
        Self {
            name: name.to_string(),
            mean_iou: scores.mean_iou.map(Score::from),
            accuracy: scores.accuracy.map(Score::from),
            set_f1: scores.set_f1.into(),
            cut_phrases: scores.cut_phrases,
            samples: samples.iter().zip(&scores.samples).map(of).collect(),
        }
    }
}

impl SampleResult {
    fn of(sample: &GroundingSample) -> Self {
        Self {
            image: sample.image.clone(),
            phrase: sample.phrase.clone(),
            patient: sample.patient.clone().unwrap_or_else(|| format!("image {}", sample.image)),
            iou: None,
            set_f1: 0.0,
            truth: sample.boxes.iter().map(PixelBox::xyxy).collect(),
            boxes: Vec::new(),
            scores: Vec::new(),
        }
    }
}

impl Results {
    /// From a file; none if there is none.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`].
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
        serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_path_buf(), source })
    }

    /// Writes the file, which appears under its name when it is complete.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let json =
            serde_json::to_string(self).map_err(|source| Error::Json { path: path.to_path_buf(), source })?;
        let partial = path.with_extension("partial");
        std::fs::write(&partial, json)
            .and_then(|()| std::fs::rename(&partial, path))
            .map_err(|source| Error::Io { path: path.to_path_buf(), source })
    }

    /// Adds a set, in the place of one of the same name.
    pub fn add(&mut self, set: EvaluatedSet) {
        self.sets.retain(|other| other.name != set.name);
        self.sets.push(set);
    }

    /// The set of a name.
    pub fn set(&self, name: &str) -> Option<&EvaluatedSet> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// The sets in columns.
    pub fn table(&self) -> String {
        let heading = ["", "samples", "mIoU", "Acc@.5", "set-F1"].map(String::from);
        let score = |score: Option<Score>| score.map_or_else(|| "-".to_string(), |s| s.to_string());
        let row = |set: &EvaluatedSet| {
            [
                set.name.clone(),
                set.samples.len().to_string(),
                score(set.mean_iou),
                score(set.accuracy),
                set.set_f1.to_string(),
            ]
        };
        aligned(&std::iter::once(heading).chain(self.sets.iter().map(row)).collect::<Vec<_>>())
    }
}

/// What is found without looking: for each sample with a known size the mean box, as shares of the image, of the training samples with
/// its phrase; of all training samples for a phrase that none has. None when no training sample has one box and a size.
///
/// # Errors
/// [`Error::Measure`] when scores cannot be computed.
pub fn mean_boxes(train: &[GroundingSample], test: &[GroundingSample]) -> Result<Option<EvaluatedSet>> {
    let share = |s: &GroundingSample| {
        let ([height, width], [bounds]) = (s.size?.map(|side| side as f64), s.boxes.as_slice()) else {
            return None;
        };
        let [x0, y0, x1, y1] = bounds.xyxy();
        Some([x0 / width, y0 / height, x1 / width, y1 / height])
    };
    let mut by_phrase: BTreeMap<&str, Vec<[f64; 4]>> = BTreeMap::new();
    for sample in train {
        by_phrase.entry(&sample.phrase).or_default().extend(share(sample));
    }
    let all: Vec<[f64; 4]> = by_phrase.values().flatten().copied().collect();
    if all.is_empty() {
        return Ok(None);
    }
    let mean = |boxes: &[[f64; 4]]| {
        std::array::from_fn(|side| boxes.iter().map(|b| b[side]).sum::<f64>() / boxes.len() as f64)
    };
    let mut samples = Vec::new();
    for sample in test {
        let known = by_phrase.get(sample.phrase.as_str()).filter(|boxes| !boxes.is_empty());
        let [x0, y0, x1, y1]: [f64; 4] = mean(known.map_or(all.as_slice(), Vec::as_slice));
        let Some([height, width]) = sample.size.map(|size| size.map(|side| side as f64)) else { continue };
        let found = PixelBox::new(x0 * width, y0 * height, x1 * width, y1 * height)?;
        let iou = match sample.boxes.as_slice() {
            [truth] => Some(found.iou(truth)),
            _ => None,
        };
        samples.push(SampleResult {
            iou,
            set_f1: set_f1(&[found], &sample.boxes, 0.5)?,
            boxes: vec![found.xyxy()],
            scores: vec![1.0],
            ..SampleResult::of(sample)
        });
    }
    if samples.is_empty() {
        return Ok(None);
    }
    summarise("mean box of the phrase", samples).map(Some)
}

fn summarise(name: &str, samples: Vec<SampleResult>) -> Result<EvaluatedSet> {
    let values = |of: &dyn Fn(&SampleResult) -> Option<f64>| -> Result<Option<Score>> {
        let (patients, values): (Vec<&str>, Vec<f64>) =
            samples.iter().filter_map(|s| Some((s.patient.as_str(), of(s)?))).unzip();
        if values.is_empty() {
            return Ok(None);
        }
        let mean = |items: &[usize]| {
            (!items.is_empty()).then(|| items.iter().map(|&i| values[i]).sum::<f64>() / items.len() as f64)
        };
        Ok(Some(Bootstrap::default().interval(&Clusters::of(&patients), mean)?.into()))
    };
    let nothing = Score { estimate: 0.0, low: 0.0, high: 0.0 };
    Ok(EvaluatedSet {
        name: name.to_string(),
        mean_iou: values(&|s| s.iou)?,
        accuracy: values(&|s| s.iou.map(|iou| f64::from(u8::from(iou >= 0.5))))?,
        set_f1: values(&|s| Some(s.set_f1))?.unwrap_or(nothing),
        cut_phrases: 0,
        samples,
    })
}

/// The mean scores of a set of some runs, and the difference to that of other runs on the same samples.
///
/// Runs are the `results.json` of several seeds and folds: each sample's score is its mean over the runs that have it, and intervals
/// draw whole patients.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Samples that both have.
    pub samples: usize,
    /// Their patients.
    pub patients: usize,
    /// First, second, and first - second: mean IoU.
    pub mean_iou: [Score; 3],
    /// The same of the share with an IoU of at least 0.5.
    pub accuracy: [Score; 3],
}

/// Compares a set of some runs with a set of others, on the samples of one true box that both have, and whose phrase is `phrase`, if given.
///
/// # Errors
/// [`Error::Unfit`] when they have no sample in common; [`Error::Measure`].
pub fn compare(
    first: (&[Results], &str),
    second: (&[Results], &str),
    phrase: Option<&str>,
) -> Result<Comparison> {
    let (a, b) = (by_sample(first.0, first.1), by_sample(second.0, second.1));
    let keys: Vec<_> =
        a.keys().filter(|key| b.contains_key(*key) && phrase.is_none_or(|p| p == key.1)).collect();
    if keys.is_empty() {
        let (expected, found) = ("samples that both have".to_string(), "none".to_string());
        return Err(Error::Unfit { what: "the results", expected, found });
    }
    let patients: Vec<&str> = keys.iter().map(|key| a[*key].patient.as_str()).collect();
    let clusters = Clusters::of(&patients);
    let scores = |of: &dyn Fn(&Means) -> f64| -> Result<[Score; 3]> {
        let [first, second] = [&a, &b].map(|runs| keys.iter().map(|key| of(&runs[*key])).collect::<Vec<_>>());
        let bootstrap = Bootstrap::default();
        let mean = |values: &[f64]| -> Result<Score> {
            let of = |items: &[usize]| {
                (!items.is_empty())
                    .then(|| items.iter().map(|&i| values[i]).sum::<f64>() / items.len() as f64)
            };
            Ok(bootstrap.interval(&clusters, of)?.into())
        };
        let difference = paired_difference(&first, &second, &clusters, &bootstrap)?.difference;
        Ok([mean(&first)?, mean(&second)?, difference.into()])
    };
    Ok(Comparison {
        samples: keys.len(),
        patients: clusters.count(),
        mean_iou: scores(&|m| m.iou / m.runs)?,
        accuracy: scores(&|m| m.hits / m.runs)?,
    })
}

/// Sums over runs.
struct Means {
    patient: String,
    iou: f64,
    hits: f64,
    runs: f64,
}

fn by_sample(runs: &[Results], name: &str) -> BTreeMap<(String, String), Means> {
    let mut found = BTreeMap::new();
    for sample in runs.iter().filter_map(|run| run.set(name)).flat_map(|set| &set.samples) {
        let Some(iou) = sample.iou else { continue };
        let key = (sample.image.clone(), sample.phrase.clone());
        let none = || Means { patient: sample.patient.clone(), iou: 0.0, hits: 0.0, runs: 0.0 };
        let means = found.entry(key).or_insert_with(none);
        means.iou += iou;
        means.hits += f64::from(u8::from(iou >= 0.5));
        means.runs += 1.0;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(image: usize, phrase: &str, bounds: Option<[f64; 4]>) -> GroundingSample {
        GroundingSample {
            image: image.to_string(),
            size: Some([100, 200]),
            phrase: phrase.to_string(),
            boxes: bounds
                .map(|[x0, y0, x1, y1]| PixelBox::new(x0, y0, x1, y1).unwrap())
                .into_iter()
                .collect(),
            patient: Some((image / 2).to_string()),
            split: None,
        }
    }

    #[test]
    fn mean_boxes_are_of_the_phrase() {
        let train = [
            sample(0, "heart", Some([0.0, 0.0, 20.0, 20.0])),
            sample(1, "heart", Some([0.0, 0.0, 60.0, 60.0])),
            sample(2, "lung", Some([100.0, 0.0, 200.0, 100.0])),
            sample(3, "nothing", None),
        ];
        let test = [sample(8, "heart", Some([0.0, 0.0, 40.0, 40.0])), sample(9, "lung", None)];
        let set = mean_boxes(&train, &test).unwrap().unwrap();
        assert!((set.samples[0].iou.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(set.samples[1].boxes, [[100.0, 0.0, 200.0, 100.0]]);
        assert_eq!((set.samples[1].iou, set.samples[1].set_f1), (None, 0.0));
        assert_eq!(mean_boxes(&train[3..], &test).unwrap(), None);
    }

    fn run(ious: &[f64]) -> Results {
        let samples = ious.iter().enumerate().map(|(image, iou)| SampleResult {
            iou: Some(*iou),
            ..SampleResult::of(&sample(image, "heart", Some([0.0, 0.0, 1.0, 1.0])))
        });
        let set = summarise("test", samples.collect()).unwrap();
        let mut results = Results::default();
        results.add(set.clone());
        results.add(set);
        results
    }

    #[test]
    fn runs_are_compared_on_the_same_samples() {
        let first = [run(&[0.6, 0.8, 0.9, 0.7]), run(&[0.4, 0.8, 0.9, 0.7])];
        let second = [run(&[0.5, 0.6, 0.4])];
        let found = compare((&first, "test"), (&second, "test"), Some("heart")).unwrap();
        assert_eq!((found.samples, found.patients), (3, 2));
        let [a, b, difference] = found.mean_iou;
        assert!((a.estimate - 2.2 / 3.0).abs() < 1e-12 && (b.estimate - 0.5).abs() < 1e-12);
        assert!((difference.estimate - (2.2 / 3.0 - 0.5)).abs() < 1e-12);
        assert!((found.accuracy[0].estimate - 2.5 / 3.0).abs() < 1e-12);
        assert!(difference.low <= difference.estimate && difference.estimate <= difference.high);
        assert!(compare((&first, "test"), (&second, "other"), None).is_err());
        assert!(compare((&first, "test"), (&second, "test"), Some("lung")).is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        first[0].write(&path).unwrap();
        assert_eq!(Results::read(&path).unwrap(), first[0]);
        assert_eq!(first[0].sets.len(), 1);
        assert!(first[0].table().contains("0.750"));
    }
}
