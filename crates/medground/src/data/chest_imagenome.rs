//! Chest ImaGenome: scene graphs of frontal chest radiographs (Wu et al., PhysioNet 2021).

use std::collections::{HashMap, HashSet};

use medcore::PixelBox;
use serde_json::Value;

use super::anatomy::AnatomicalStructure;
use super::sample::{DropReason, GroundingSample, ReadReport, ReadSamples, Split};
use super::table::Table;
use crate::error::{Error, Result};

/// How samples are made of scene graphs.
#[derive(Debug, Clone, Default)]
pub struct ChestImaGenomeOptions {
    /// Also one sample for each synonym of a structure.
    pub synonyms: bool,
    /// Split of each image, from [`chest_imagenome_splits`]; images that are not in it have none.
    pub splits: HashMap<String, Split>,
    /// Patients to leave out, such as those of MS-CXR.
    pub excluded_patients: HashSet<String>,
}

/// The anatomy term and box pairs of one scene graph (`<dicom id>_SceneGraph.json`): one sample for each object with a box in
/// the original image (`original_x1` ...), named by its `bbox_name`.
///
/// Graphs of lateral views (`viewpoint` other than AP and PA) and of excluded patients are one dropped row.
///
/// # Errors
/// [`Error::Syntax`] when the text is no JSON, or has no `image_id` or `objects`.
pub fn read_chest_imagenome(json: &str, options: &ChestImaGenomeOptions) -> Result<ReadSamples> {
    let what = "the scene graph";
    let graph: Value =
        serde_json::from_str(json).map_err(|source| Error::Syntax { what: what.to_string(), source })?;
    let missing = |field: &str| Error::Table {
        what: what.to_string(),
        expected: format!("a field {field}"),
        found: "none".to_string(),
    };
    let image = graph.get("image_id").and_then(Value::as_str).ok_or_else(|| missing("image_id"))?;
    let objects = graph.get("objects").and_then(Value::as_array).ok_or_else(|| missing("objects"))?;
    let patient = graph.get("patient_id").and_then(text_or_number);
    let mut found = ReadSamples {
        report: ReadReport { rows: objects.len(), ..ReadReport::default() },
        ..ReadSamples::default()
    };
    let view = graph.get("viewpoint").and_then(Value::as_str).map(str::to_ascii_uppercase);
    if view.is_some_and(|view| !matches!(view.as_str(), "AP" | "PA")) {
        found.report.drop_row(0, DropReason::NotFrontal);
        return Ok(found);
    }
    if patient.as_ref().is_some_and(|patient| options.excluded_patients.contains(patient)) {
        found.report.drop_row(0, DropReason::ExcludedPatient);
        return Ok(found);
    }
    let split = options.splits.get(image).copied();
    for (row, object) in objects.iter().enumerate() {
        match object_box(object, &mut found.report) {
            Ok((structure, bounds)) => {
                let names = structure.names().take(if options.synonyms { usize::MAX } else { 1 });
                found.samples.extend(names.map(|name| GroundingSample {
                    image: image.to_string(),
                    size: None,
                    phrase: name.to_string(),
                    boxes: vec![bounds],
                    patient: patient.clone(),
                    split,
                }));
            }
            Err(reason) => found.report.drop_row(row, reason),
        }
    }
    Ok(found)
}

/// The split of each image (`dicom_id`) of one of the published tables (`train.csv`, `valid.csv`, `test.csv`), which are disjoint
/// by patient.
///
/// # Errors
/// [`Error::Table`] without a column `dicom_id`.
pub fn chest_imagenome_splits(csv: &str, split: Split) -> Result<HashMap<String, Split>> {
    let table = Table::parse("the table of a split", csv, &["dicom_id"])?;
    Ok(table.rows().filter_map(|row| Some((row.text("dicom_id")?.to_string(), split))).collect())
}

fn object_box(
    object: &Value,
    report: &mut ReadReport,
) -> std::result::Result<(&'static AnatomicalStructure, PixelBox), DropReason> {
    let name = object.get("bbox_name").and_then(Value::as_str).ok_or(DropReason::Malformed("bbox_name"))?;
    let structure = AnatomicalStructure::find(name).ok_or(DropReason::UnknownStructure)?;
    let number = |field| object.get(field).and_then(Value::as_f64).ok_or(DropReason::Malformed(field));
    let (x1, y1) = (number("original_x1")?, number("original_y1")?);
    let (x2, y2) = (number("original_x2")?, number("original_y2")?);
    // Negative corners stand for a box that was not found.
    if x1 < 0.0 || y1 < 0.0 {
        return Err(DropReason::OutsideImage);
    }
    Ok((structure, report.accept(PixelBox::new(x1, y1, x2, y2), None)?))
}

/// Identifiers are numbers in some releases and text in others.
pub(crate) fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
