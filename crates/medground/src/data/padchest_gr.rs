//! PadChest-GR: grounded reports of chest radiographs (Castro et al., arXiv 2411.05085).

use std::collections::HashMap;

use medcore::PixelBox;
use serde_json::Value;

use super::chest_imagenome::text_or_number;
use super::ms_cxr::four;
use super::sample::{DropReason, GroundingSample, ReadReport, ReadSamples, Split};
use super::table::Table;
use crate::error::{Error, Result};

/// The language of the sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PadChestLanguage {
    /// `sentence_en`.
    #[default]
    English,
    /// `sentence_es`.
    Spanish,
}

/// What the master table says of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PadChestImage {
    /// `PatientID`.
    pub patient: Option<String>,
    /// `split`.
    pub split: Option<Split>,
    /// Height and width in pixels, from `Height` and `Width` or from the images themselves.
    pub size: Option<[usize; 2]>,
}

/// Patient, split and size of each `ImageID` of the master table.
///
/// # Errors
/// [`Error::Table`] without a column `ImageID`.
pub fn read_padchest_master(csv: &str) -> Result<HashMap<String, PadChestImage>> {
    let table = Table::parse("the master table", csv, &["ImageID"])?;
    let side = |value: Option<f64>| value.filter(|v| *v >= 1.0 && *v < 1e6).map(|v| v as usize);
    let entry = |row: super::table::Row<'_>| {
        let image = PadChestImage {
            patient: row.text("PatientID").map(str::to_string),
            split: row.text("split").and_then(Split::parse),
            size: side(row.number("Height")).zip(side(row.number("Width"))).map(|(h, w)| [h, w]),
        };
        Some((row.text("ImageID")?.to_string(), image))
    };
    Ok(table.rows().filter_map(entry).collect())
}

/// The sentences of `grounded_reports_*.json`: a list of studies with `ImageID` and `findings`; each finding has a sentence and
/// `boxes`, corners as fractions of the image. A sentence without boxes is a sample without boxes: nothing to be found.
///
/// Sizes come from `images`; sentences with boxes in an image that is not there, or whose size is not known, are dropped.
///
/// # Errors
/// [`Error::Syntax`] when the text is no JSON list.
pub fn read_padchest_gr(
    json: &str,
    images: &HashMap<String, PadChestImage>,
    language: PadChestLanguage,
) -> Result<ReadSamples> {
    let studies: Vec<Value> = serde_json::from_str(json)
        .map_err(|source| Error::Syntax { what: "the grounded reports".to_string(), source })?;
    let mut found = ReadSamples::default();
    for study in &studies {
        let Some(name) = study.get("ImageID").and_then(Value::as_str) else {
            found.report.drop_row(found.report.rows, DropReason::Malformed("ImageID"));
            found.report.rows += 1;
            continue;
        };
        let known = images.get(name);
        for finding in study.get("findings").and_then(Value::as_array).into_iter().flatten() {
            let row = found.report.rows;
            found.report.rows += 1;
            match sample(name, finding, known, language, row, &mut found.report) {
                Ok(sample) => found.samples.push(sample),
                Err(reason) => found.report.drop_row(row, reason),
            }
        }
    }
    let unnamed = studies.iter().filter(|s| s.get("PatientID").is_some()).count();
    if unnamed > 0 {
        // Some releases name the patient in the reports.
        let patients: HashMap<&str, String> = studies
            .iter()
            .filter_map(|s| Some((s.get("ImageID")?.as_str()?, text_or_number(s.get("PatientID")?)?)))
            .collect();
        for sample in found.samples.iter_mut().filter(|s| s.patient.is_none()) {
            sample.patient = patients.get(sample.image.as_str()).cloned();
        }
    }
    Ok(found)
}

fn sample(
    image: &str,
    finding: &Value,
    known: Option<&PadChestImage>,
    language: PadChestLanguage,
    row: usize,
    report: &mut ReadReport,
) -> std::result::Result<GroundingSample, DropReason> {
    let field = match language {
        PadChestLanguage::English => "sentence_en",
        PadChestLanguage::Spanish => "sentence_es",
    };
    let phrase = finding.get(field).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if phrase.is_empty() {
        return Err(DropReason::EmptyPhrase);
    }
    let corners = match finding.get("boxes") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(boxes)) => boxes.as_slice(),
        Some(_) => return Err(DropReason::Malformed("boxes")),
    };
    let size = known.and_then(|image| image.size);
    let mut boxes = Vec::with_capacity(corners.len());
    for corner in corners {
        let unit = four(Some(corner)).ok_or(DropReason::Malformed("boxes"))?;
        let [height, width] = size.ok_or(DropReason::UnknownReference)?.map(|side| side as f64);
        let [x1, y1, x2, y2] = unit;
        match report.accept(PixelBox::new(x1 * width, y1 * height, x2 * width, y2 * height), size) {
            Ok(bounds) => boxes.push(bounds),
            Err(reason) => report.drop_row(row, reason),
        }
    }
    if boxes.is_empty() && !corners.is_empty() {
        return Err(DropReason::NoBoxLeft);
    }
    Ok(GroundingSample {
        image: image.to_string(),
        size,
        phrase: phrase.to_string(),
        boxes,
        patient: known.and_then(|image| image.patient.clone()),
        split: known.and_then(|image| image.split),
    })
}
