//! How well a model does on items.

use std::path::Path;

use burn::tensor::{Device, activation};
use medcore::PixelSpacing;
use medeval::segmentation::{
    LabelOverlaps, SurfaceDistances, e_measure, mean_absolute_error, s_measure, weighted_f_measure,
};
use mednn::bridge::tensor_to_array;
use medprompt::SegmentationModel;
use medprompt::training::{Augmentation, Batch, Random, Sample};
use ndarray::{Array2, Array3, Axis, Ix4};
use serde::{Deserialize, Serialize};

use super::item::Item;
use crate::error::{Error, Result};

const BATCH: usize = 8;

/// What a model makes of an item.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// The item in the size in which the model sees it.
    pub sample: Sample,
    /// Probabilities `[class, row, column]`, the background first.
    pub probabilities: Array3<f32>,
}

impl Prediction {
    /// The most probable class of every pixel.
    pub fn labels(&self) -> Array2<u16> {
        let (classes, height, width) = self.probabilities.dim();
        let p = &self.probabilities;
        Array2::from_shape_fn((height, width), |(r, c)| {
            (1..classes).fold(0, |best, k| if p[[k, r, c]] > p[[best, r, c]] { k } else { best }) as u16
        })
    }
}

/// Runs a model, which must not be in training, over items.
///
/// # Errors
/// [`Error::Segmentation`], [`Error::Network`].
pub fn predict(
    model: &SegmentationModel,
    items: &[&Item],
    size: usize,
    device: &Device,
) -> Result<Vec<Prediction>> {
    let augmentation = Augmentation::none([size, size]);
    let mut found = Vec::with_capacity(items.len());
    for items in items.chunks(BATCH) {
        let samples = items
            .iter()
            .map(|item| augmentation.apply(&item.sample, &mut Random::new(0, 0)))
            .collect::<Result<Vec<_>, _>>()?;
        let batch = Batch::new(&samples, model.config().classes, device)?;
        let logits = model.segment(batch.images)?;
        let (channels, classes) = (logits.dims()[1], logits.dims()[1].max(2));
        let probabilities =
            if channels == 1 { activation::sigmoid(logits) } else { activation::softmax(logits, 1) };
        let array = tensor_to_array(probabilities)?.into_dimensionality::<Ix4>().map_err(|_| {
            Error::Unfit { what: "the logits", expected: "four axes".into(), found: "others".into() }
        })?;
        for (sample, p) in samples.into_iter().zip(array.axis_iter(Axis(0))) {
            let probabilities =
                Array3::from_shape_fn((classes, size, size), |(k, r, c)| match (channels, k) {
                    (1, 0) => 1.0 - p[[0, r, c]],
                    (1, _) => p[[0, r, c]],
                    _ => p[[k, r, c]],
                });
            found.push(Prediction { sample, probabilities });
        }
    }
    Ok(found)
}

/// The scores of one item; pixels are those that the model sees.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct ItemScores {
    /// Mean Dice of the classes that the truth or the prediction has; 1 where neither has any.
    pub dice: f64,
    /// Mean intersection over union.
    pub iou: f64,
    /// Mean 95th percentile of surface distances, in pixels, of the classes that both have.
    pub hd95: Option<f64>,
    /// Mean absolute error of the probability of the foreground.
    pub mae: f64,
    /// S-measure of the foreground.
    pub s: f64,
    /// Mean E-measure of the foreground.
    pub e: f64,
    /// Weighted F-measure of the foreground.
    pub f: f64,
}

/// Mean Dice of the classes that truth or prediction has.
///
/// # Errors
/// [`Error::Measure`], which maps of one size do not give.
pub fn dice(prediction: &Prediction) -> Result<f64> {
    let overlaps = LabelOverlaps::of(prediction.labels().view(), prediction.sample.mask().view())?;
    let labels = overlaps.labels();
    Ok(if labels.is_empty() { 1.0 } else { overlaps.mean_dice(&labels)? })
}

impl ItemScores {
    /// All scores of a prediction.
    ///
    /// # Errors
    /// [`Error::Measure`] for images of one pixel.
    pub fn of(prediction: &Prediction) -> Result<Self> {
        let (labels, truth) = (prediction.labels(), prediction.sample.mask());
        let overlaps = LabelOverlaps::of(labels.view(), truth.view())?;
        let classes = overlaps.labels();
        let foreground = prediction.probabilities.index_axis(Axis(0), 0).mapv(|p| (1.0 - p).clamp(0.0, 1.0));
        let there = truth.mapv(|class| class != 0);
        let (map, mask) = (foreground.view(), there.view());
        let iou = if classes.is_empty() { 1.0 } else { overlaps.mean_iou(&classes)? };
        Ok(Self {
            dice: dice(prediction)?,
            iou,
            hd95: hd95(&labels, truth, &classes)?,
            mae: mean_absolute_error(map, mask)?,
            s: s_measure(map, mask)?,
            e: e_measure(map, mask)?.mean(),
            f: weighted_f_measure(map, mask)?,
        })
    }
}

fn hd95(labels: &Array2<u16>, truth: &Array2<u16>, classes: &[u16]) -> Result<Option<f64>> {
    let spacing = PixelSpacing { row: 1.0, column: 1.0 };
    let mut distances = Vec::new();
    for class in classes {
        let of = |map: &Array2<u16>| map.mapv(|v| v == *class);
        let distance = SurfaceDistances::between(of(labels).view(), of(truth).view(), spacing)?.hd95();
        if distance.is_finite() {
            distances.push(distance);
        }
    }
    Ok(mean(&distances))
}

/// The mean, where there is any number.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Rows of a table: the name of a score, its mean over the items.
pub fn summary(scores: &[ItemScores]) -> Vec<[String; 2]> {
    let row = |name: &str, of: &dyn Fn(&ItemScores) -> Option<f64>, digits: usize| {
        let values: Vec<f64> = scores.iter().filter_map(of).collect();
        let left_out = scores.len() - values.len();
        let note = if left_out > 0 { format!(" ({left_out} without)") } else { String::new() };
        [name.to_string(), mean(&values).map_or("-".into(), |v| format!("{v:.digits$}{note}"))]
    };
    vec![
        row("Dice", &|s| Some(s.dice), 4),
        row("IoU", &|s| Some(s.iou), 4),
        row("HD95 (px)", &|s| s.hd95, 2),
        row("MAE", &|s| Some(s.mae), 4),
        row("S-measure", &|s| Some(s.s), 4),
        row("E-measure", &|s| Some(s.e), 4),
        row("weighted F", &|s| Some(s.f), 4),
    ]
}

/// Writes the scores of items as CSV.
///
/// # Errors
/// [`Error::Io`].
pub fn write_scores(path: &Path, items: &[&Item], scores: &[ItemScores]) -> Result<()> {
    let mut text = "item,group,dice,iou,hd95_px,mae,s,e,weighted_f\n".to_string();
    for (item, s) in items.iter().zip(scores) {
        let hd95 = s.hd95.map_or_else(String::new, |v| format!("{v:.3}"));
        let name = item.source.name.replace(',', " ");
        text += &format!(
            "{name},{},{:.5},{:.5},{hd95},{:.5},{:.5},{:.5},{:.5}\n",
            item.source.group, s.dice, s.iou, s.mae, s.s, s.e, s.f
        );
    }
    std::fs::write(path, text).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}
