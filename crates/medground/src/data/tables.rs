//! VinDr-CXR and RSNA: classes and boxes as tables.

use std::collections::BTreeMap;

use medcore::PixelBox;
use medeval::detection::{FusionOptions, ScoredBox, weighted_box_fusion};

use super::sample::{DropReason, GroundingSample, ReadReport, ReadSamples, group};
use super::table::{Row, Table};
use crate::error::Result;

/// The boxes of each reader.
type ReaderBoxes = BTreeMap<String, Vec<ScoredBox<PixelBox>>>;

/// The boxes of VinDr-CXR (Nguyen et al., Scientific Data 2022): `image_id`, `class_name`, `x_min`, `y_min`, `x_max`, `y_max`, and
/// `rad_id` where several radiologists read an image, as in `annotations_train.csv`.
///
/// Boxes of one class in one image are one sample, phrased as the class in lower case. Boxes of several radiologists whose IoU is above
/// `fusion_iou` are fused into one (weighted box fusion, all scores 1); `None` keeps all boxes. "No finding" is a sample without
/// boxes.
///
/// # Errors
/// [`Error::Table`](crate::Error::Table) without one of the columns; [`Error::Evaluation`](crate::Error::Evaluation) when the
/// threshold is not from 0 to 1.
pub fn read_vindr_cxr(csv: &str, fusion_iou: Option<f64>) -> Result<ReadSamples> {
    let columns = ["image_id", "class_name", "x_min", "y_min", "x_max", "y_max"];
    let table = Table::parse("the annotations", csv, &columns)?;
    let mut report = ReadReport::default();
    // The boxes of each reader, beside the sample they belong to.
    let (mut samples, mut readers) = (Vec::new(), Vec::new());
    for (row, fields) in table.rows().enumerate() {
        report.rows += 1;
        match vindr_row(fields, &mut report) {
            Ok(sample) => {
                readers.push(fields.get("rad_id").unwrap_or_default().to_string());
                samples.push(sample);
            }
            Err(reason) => report.drop_row(row, reason),
        }
    }
    let Some(iou_threshold) = fusion_iou else {
        return Ok(ReadSamples { samples: group(samples), report });
    };
    let mut by_reader: BTreeMap<(String, String), ReaderBoxes> = BTreeMap::new();
    for (sample, reader) in samples.iter().zip(readers) {
        let own = by_reader.entry((sample.image.clone(), sample.phrase.clone())).or_default();
        own.entry(reader).or_default().extend(sample.boxes.iter().map(|b| ScoredBox::new(*b, 1.0)));
    }
    let mut samples = group(samples);
    for sample in &mut samples {
        let key = (sample.image.clone(), sample.phrase.clone());
        let models: Vec<_> = by_reader.remove(&key).unwrap_or_default().into_values().collect();
        let options = FusionOptions { iou_threshold, least_score: 0.0 };
        let fused = weighted_box_fusion(&models, &vec![1.0; models.len()], options)?;
        sample.boxes = fused.into_iter().map(|b| b.bounds).collect();
    }
    Ok(ReadSamples { samples, report })
}

fn vindr_row(row: Row<'_>, report: &mut ReadReport) -> std::result::Result<GroundingSample, DropReason> {
    let image = row.text("image_id").ok_or(DropReason::Malformed("image_id"))?;
    let phrase = row.text("class_name").ok_or(DropReason::EmptyPhrase)?.to_lowercase();
    let boxes = if phrase == "no finding" {
        Vec::new()
    } else {
        let number = |field| row.number(field).ok_or(DropReason::Malformed(field));
        let (x1, y1) = (number("x_min")?, number("y_min")?);
        vec![report.accept(PixelBox::new(x1, y1, number("x_max")?, number("y_max")?), None)?]
    };
    Ok(sample(image, phrase, boxes, None, None))
}

/// The boxes of the RSNA Pneumonia Detection Challenge (`stage_2_train_labels.csv`): `patientId`, `x`, `y`, `width`, `height`,
/// `Target`, in images of 1024 x 1024 pixels. One image for each patient; `phrase` is what the boxes are called, such as "lung
/// opacity". `Target` 0 is a sample without boxes.
///
/// # Errors
/// [`Error::Table`](crate::Error::Table) without one of the columns.
pub fn read_rsna(csv: &str, phrase: &str) -> Result<ReadSamples> {
    let table = Table::parse("the labels", csv, &["patientId", "x", "y", "width", "height", "Target"])?;
    let mut report = ReadReport::default();
    let mut samples = Vec::new();
    for (row, fields) in table.rows().enumerate() {
        report.rows += 1;
        match rsna_row(fields, phrase, &mut report) {
            Ok(sample) => samples.push(sample),
            Err(reason) => report.drop_row(row, reason),
        }
    }
    Ok(ReadSamples { samples: group(samples), report })
}

const RSNA_SIDE: usize = 1024;

fn rsna_row(
    row: Row<'_>,
    phrase: &str,
    report: &mut ReadReport,
) -> std::result::Result<GroundingSample, DropReason> {
    let patient = row.text("patientId").ok_or(DropReason::Malformed("patientId"))?;
    let size = Some([RSNA_SIDE; 2]);
    let number = |field| row.number(field).ok_or(DropReason::Malformed(field));
    let target = number("Target")?;
    let boxes = if target == 0.0 {
        Vec::new()
    } else {
        let bounds = PixelBox::from_xywh(number("x")?, number("y")?, number("width")?, number("height")?);
        vec![report.accept(bounds, size)?]
    };
    Ok(sample(patient, phrase.to_string(), boxes, size, Some(patient.to_string())))
}

fn sample(
    image: &str,
    phrase: String,
    boxes: Vec<PixelBox>,
    size: Option<[usize; 2]>,
    patient: Option<String>,
) -> GroundingSample {
    GroundingSample { image: image.to_string(), size, phrase, boxes, patient, split: None }
}
