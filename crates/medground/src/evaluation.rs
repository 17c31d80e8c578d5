//! How well phrases are grounded.

use medcore::{Image, PixelBox};
use medeval::detection::{BoundingBox, set_f1};
use medeval::statistics::{Bootstrap, Clusters, Interval};

use crate::data::GroundingSample;
use crate::error::{Error, Result};
use crate::phrase_grounder::{Hit, PhraseGrounder, PreparedImage};

/// What a grounder found for one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundedSample {
    /// IoU of the best box with the true one, 0 without a box; for samples with one true box.
    pub iou: Option<f64>,
    /// F1 of the set of boxes at IoU 0.5: 1 where nothing is to be found and nothing was.
    pub set_f1: f64,
    /// Score of the best box.
    pub score: Option<f64>,
    /// The boxes, best first.
    pub hits: Vec<Hit>,
}

/// Scores of many samples, with intervals that draw whole patients.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundingScores {
    /// Mean IoU of the samples with one true box; none without such samples.
    pub mean_iou: Option<Interval>,
    /// Share of them whose IoU is at least 0.5.
    pub accuracy: Option<Interval>,
    /// Mean F1 of the set of boxes at IoU 0.5, over all samples.
    pub set_f1: Interval,
    /// How many samples have one true box.
    pub single_box: usize,
    /// How many phrases were longer than the model reads, and cut off there, as in training.
    pub cut_phrases: usize,
    /// Each sample, in order.
    pub samples: Vec<GroundedSample>,
}

const HIT: f64 = 0.5;

/// Grounds each sample in its image and compares (section "Metric" of TransVG; set-F1 as in generalised grounding). Samples of one
/// image should follow one another: its features are then used again. Samples without a patient are patients of their own image.
///
/// Long phrases are cut off as in training. A grounder on a device with autodiff is evaluated without dropout.
///
/// # Errors
/// [`Error::Batch`] without samples; what `load` gives, and as [`PhraseGrounder::ground`].
pub fn evaluate(
    grounder: &PhraseGrounder,
    samples: &[GroundingSample],
    mut load: impl FnMut(&GroundingSample) -> Result<Image<f32>>,
    bootstrap: Bootstrap,
) -> Result<GroundingScores> {
    let grounder = if grounder.device().is_autodiff() { grounder.for_inference() } else { grounder.clone() };
    evaluate_prepared(&grounder, samples, |sample| grounder.prepare(&load(sample)?), bootstrap)
}

/// [`evaluate`] with images that are prepared elsewhere.
pub(crate) fn evaluate_prepared(
    grounder: &PhraseGrounder,
    samples: &[GroundingSample],
    mut prepare: impl FnMut(&GroundingSample) -> Result<PreparedImage>,
    bootstrap: Bootstrap,
) -> Result<GroundingScores> {
    let mut found = Vec::with_capacity(samples.len());
    let mut cut_phrases = 0;
    for of_image in samples.chunk_by(|a, b| a.image == b.image) {
        let Some(first) = of_image.first() else { continue };
        let image = prepare(first)?;
        let phrases: Vec<&str> =
            of_image.iter().map(|sample| readable(grounder, &sample.phrase)).collect::<Result<_>>()?;
        cut_phrases += phrases.iter().zip(of_image).filter(|(cut, s)| cut.len() < s.phrase.len()).count();
        for (sample, hits) in of_image.iter().zip(grounder.ground_all(&image, &phrases)?) {
            found.push(compare(sample, hits)?);
        }
    }
    Ok(GroundingScores { cut_phrases, ..summarise(samples, found, bootstrap)? })
}

fn compare(sample: &GroundingSample, hits: Vec<Hit>) -> Result<GroundedSample> {
    let boxes: Vec<PixelBox> = hits.iter().map(|hit| hit.region.bounds()).collect();
    let iou = |truth: &PixelBox| boxes.first().map_or(0.0, |b| BoundingBox::iou(b, truth));
    Ok(GroundedSample {
        iou: (sample.boxes.len() == 1).then(|| sample.boxes.first().map_or(0.0, iou)),
        set_f1: set_f1(&boxes, &sample.boxes, HIT)?,
        score: hits.first().map(|hit| hit.score),
        hits,
    })
}

/// The beginning of a phrase that the model can read.
fn readable<'a>(grounder: &PhraseGrounder, phrase: &'a str) -> Result<&'a str> {
    let tokens = grounder.tokenizer().tokenize(phrase, grounder.config().text_tokens())?;
    if tokens.total <= tokens.ids.len() {
        return Ok(phrase);
    }
    // Offsets are in characters.
    let end = tokens.offsets.iter().map(|[_, end]| *end).max().unwrap_or_default();
    let end = phrase.char_indices().nth(end).map_or(phrase.len(), |(at, _)| at);
    Ok(&phrase[..end])
}

fn summarise(
    samples: &[GroundingSample],
    found: Vec<GroundedSample>,
    bootstrap: Bootstrap,
) -> Result<GroundingScores> {
    if samples.is_empty() {
        let expected = "at least one".to_string();
        return Err(Error::Batch { what: "samples", expected, found: "none".to_string() });
    }
    let patient = |s: &GroundingSample| s.patient.clone().unwrap_or_else(|| format!("image {}", s.image));
    let patients: Vec<String> = samples.iter().map(patient).collect();
    let set_f1 = interval(&patients, found.iter().map(|f| f.set_f1).collect(), bootstrap)?;
    let (owners, ious): (Vec<String>, Vec<f64>) =
        patients.iter().zip(&found).filter_map(|(p, f)| Some((p.clone(), f.iou?))).unzip();
    let single_box = ious.len();
    let (mean_iou, accuracy) = if ious.is_empty() {
        (None, None)
    } else {
        let hits = ious.iter().map(|iou| f64::from(u8::from(*iou >= HIT))).collect();
        (Some(interval(&owners, ious, bootstrap)?), Some(interval(&owners, hits, bootstrap)?))
    };
    Ok(GroundingScores { mean_iou, accuracy, set_f1, single_box, cut_phrases: 0, samples: found })
}

/// The mean of values, with an interval that draws whole patients.
fn interval(patients: &[String], values: Vec<f64>, bootstrap: Bootstrap) -> Result<Interval> {
    let mean = |items: &[usize]| {
        (!items.is_empty()).then(|| items.iter().map(|&i| values[i]).sum::<f64>() / items.len() as f64)
    };
    Ok(bootstrap.interval(&Clusters::of(patients), mean)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(patient: &str) -> GroundingSample {
        GroundingSample {
            image: "a".to_string(),
            size: None,
            phrase: "heart".to_string(),
            boxes: Vec::new(),
            patient: Some(patient.to_string()),
            split: None,
        }
    }

    #[test]
    fn means_are_over_the_samples_they_are_of() {
        let found =
            |iou: Option<f64>, set_f1: f64| GroundedSample { iou, set_f1, score: None, hits: Vec::new() };
        let samples: Vec<_> = ["p", "p", "q", "r"].map(sample).into();
        let each =
            vec![found(Some(0.5), 1.0), found(Some(0.25), 0.0), found(None, 1.0), found(Some(0.0), 0.0)];
        let scores = summarise(&samples, each, Bootstrap::default()).unwrap();
        assert_eq!((scores.mean_iou.unwrap().estimate, scores.accuracy.unwrap().estimate), (0.25, 1.0 / 3.0));
        assert_eq!((scores.set_f1.estimate, scores.single_box), (0.5, 3));
        let none = vec![found(None, 1.0), found(None, 0.0)];
        assert_eq!(summarise(&samples[..2], none, Bootstrap::default()).unwrap().mean_iou, None);
        assert!(matches!(summarise(&[], Vec::new(), Bootstrap::default()), Err(Error::Batch { .. })));
    }
}
