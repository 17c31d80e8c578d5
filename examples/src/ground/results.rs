//! Results as a table, as JSON and as a DICOM report.

use std::path::Path;

use medground::Hit;
use medground::data::Laterality;
use medio::dicom::sr::{Finding, Region, SrOptions, write_measurements};
use medio::dicom::{Code, NewSeries};
use serde_json::{Value, json};

use super::phrases::GroundedPhrase;
use super::radiograph::Radiograph;
use crate::error::{Error, Result};
use crate::table::aligned;

/// One row for each box, and one for each phrase without any.
pub fn table(grounded: &[GroundedPhrase]) -> String {
    let mut rows = vec![["phrase", "score", "x, y, width, height in pixels", "in mm"].map(String::from)];
    for one in grounded {
        let phrase = one.phrase.split_whitespace().collect::<Vec<_>>().join(" ");
        for hit in &one.hits {
            let mm = hit.region.millimetres().map_or_else(|| "-".to_string(), numbers);
            rows.push([phrase.clone(), format!("{:.3}", hit.score), numbers(hit.region.bounds().xywh()), mm]);
        }
        if one.is_refused() {
            let why = one.unasked.as_ref().map_or_else(|| "not found".to_string(), ToString::to_string);
            rows.push([phrase, format!("{:.3}", one.best_score), why, String::new()]);
        }
    }
    aligned(&rows)
}

fn numbers(values: [f64; 4]) -> String {
    values.map(|v| format!("{v:.1}")).join(", ")
}

/// Writes all that was found as JSON: boxes in pixels from the outer corner of the first one, in mm, and in LPS where it is known.
///
/// # Errors
/// [`Error::Io`].
pub fn write_json(
    path: &Path,
    radiograph: &Radiograph,
    grounded: &[GroundedPhrase],
    threshold: f64,
) -> Result<()> {
    let image = &radiograph.image;
    let spacing = image.spacing().map(|s| json!({"row": s.row, "column": s.column}));
    let document = json!({
        "image": {"width": image.width(), "height": image.height(), "spacing_mm": spacing, "notes": radiograph.notes},
        "threshold": threshold,
        "phrases": grounded.iter().map(phrase_json).collect::<Vec<_>>(),
    });
    std::fs::write(path, format!("{document:#}\n"))
        .map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

fn phrase_json(one: &GroundedPhrase) -> Value {
    json!({
        "phrase": one.phrase,
        "found": !one.is_refused(),
        "best_score": one.best_score,
        "error": one.unasked.as_ref().map(ToString::to_string),
        "boxes": one.hits.iter().map(hit_json).collect::<Vec<_>>(),
    })
}

fn hit_json(hit: &Hit) -> Value {
    let lps = hit.region.to_lps().map(|b| json!({"min": b.min().coords(), "max": b.max().coords()}));
    json!({
        "score": hit.score,
        "xyxy_pixels": hit.region.bounds().xyxy(),
        "xywh_mm": hit.region.millimetres(),
        "lps_mm": lps,
    })
}

/// Writes what was found as a measurement report (TID 1500) whose regions are rectangles on the radiograph. Nothing is written, and
/// `false` returned, for a radiograph that is no DICOM.
///
/// # Errors
/// [`Error::File`].
pub fn write_report(path: &Path, radiograph: &Radiograph, grounded: &[GroundedPhrase]) -> Result<bool> {
    let Some((series, number)) = &radiograph.source else { return Ok(false) };
    let Some(image) = series.image_refs().nth(*number) else { return Ok(false) };
    let mut findings = Vec::new();
    for one in grounded {
        for (index, hit) in one.hits.iter().enumerate() {
            let region = Region::Rectangle {
                sop_instance_uid: image.sop_instance_uid.to_string(),
                frame: image.frame,
                pixels: hit.region.bounds(),
            };
            let name = one.phrase.split_whitespace().collect::<Vec<_>>().join(" ");
            let name = if one.hits.len() > 1 { format!("{name} {}", index + 1) } else { name };
            let finding = Finding::new(name, region).score(hit.score);
            findings.push(match site(&one.phrase) {
                Some((code, side)) => {
                    finding.finding(Code::sct("91723000", "Anatomical structure")).site(code, side)
                }
                None => finding,
            });
        }
    }
    let options = SrOptions::new().observer("medburn ground").series(NewSeries::new("Phrases").number(900));
    write_measurements(path, &findings, series, &options)?;
    Ok(true)
}

/// The part of the body that a phrase names, and its side, by SNOMED CT.
fn site(phrase: &str) -> Option<(Code, Option<Code>)> {
    let words = phrase.to_lowercase();
    let names = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let code = if names(&["lung", "pulmonary"]) {
        Code::sct("39607008", "Lung")
    } else if names(&["heart", "cardiac"]) {
        Code::sct("80891009", "Heart")
    } else if names(&["trachea", "windpipe"]) {
        Code::sct("44567001", "Trachea")
    } else {
        return None;
    };
    let side = match Laterality::of(phrase) {
        Laterality::Left => Some(Code::sct("7771000", "Left")),
        Laterality::Right => Some(Code::sct("24028007", "Right")),
        Laterality::Both => Some(Code::sct("51440002", "Right and left")),
        Laterality::None => None,
    };
    Some((code, side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_have_their_side() {
        let (code, side) = site("The patient's left lung").unwrap();
        assert_eq!((code.value.as_str(), side.unwrap().value.as_str()), ("39607008", "7771000"));
        let (code, side) = site("Cardiac silhouette").unwrap();
        assert_eq!((code.meaning.as_str(), side), ("Heart", None));
        assert_eq!(site("left hip prosthesis"), None);
    }
}
