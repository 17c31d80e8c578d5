//! MS-CXR: phrases and boxes in chest radiographs, as COCO JSON (Boecking et al., PhysioNet 2022).

use std::collections::HashMap;

use medcore::PixelBox;
use serde::Deserialize;
use serde_json::Value;

use super::chest_imagenome::text_or_number;
use super::sample::{DropReason, GroundingSample, ReadReport, ReadSamples, Split, group};
use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Coco {
    images: Vec<Value>,
    annotations: Vec<Value>,
    #[serde(default)]
    categories: Vec<Value>,
}

struct CocoImage {
    name: String,
    size: Option<[usize; 2]>,
    patient: Option<String>,
    split: Option<Split>,
}

/// The phrases of `MS_CXR_Local_Alignment_*.json`: annotations of one image with the same `label_text` are one sample with several
/// boxes. An annotation without a text is called by its category.
///
/// The patient is the `p` folder in the `path` of the image (`files/p10/p10000032/...`); `split` is taken from the image where a
/// release has it.
///
/// # Errors
/// [`Error::Syntax`] when the text is no JSON with `images` and `annotations`.
pub fn read_ms_cxr(json: &str) -> Result<ReadSamples> {
    let coco: Coco = serde_json::from_str(json)
        .map_err(|source| Error::Syntax { what: "the COCO file".to_string(), source })?;
    let images: HashMap<i64, CocoImage> = coco.images.iter().filter_map(image).collect();
    let categories: HashMap<i64, &str> = coco.categories.iter().filter_map(category).collect();
    let mut report = ReadReport { rows: coco.annotations.len(), ..ReadReport::default() };
    let mut boxes = Vec::new();
    for (row, annotation) in coco.annotations.iter().enumerate() {
        match sample(annotation, &images, &categories, &mut report) {
            Ok(sample) => boxes.push(sample),
            Err(reason) => report.drop_row(row, reason),
        }
    }
    Ok(ReadSamples { samples: group(boxes), report })
}

fn image(value: &Value) -> Option<(i64, CocoImage)> {
    let side = |field| value.get(field)?.as_u64().filter(|side| *side > 0)?.try_into().ok();
    let path = value.get("path").and_then(Value::as_str);
    let name = value.get("file_name").and_then(Value::as_str).or(path)?.to_string();
    let patient = value.get("patient_id").and_then(text_or_number).or_else(|| patient_of(path?));
    let split = value.get("split").and_then(Value::as_str).and_then(Split::parse);
    let size = side("height").zip(side("width")).map(|(height, width)| [height, width]);
    Some((value.get("id")?.as_i64()?, CocoImage { name, size, patient, split }))
}

/// `files/p10/p10000032/s50414267/...`: the longer of the folders.
fn patient_of(path: &str) -> Option<String> {
    let digits = |part: &&str| part.len() > 3 && part[1..].bytes().all(|b| b.is_ascii_digit());
    let part = path.split('/').filter(|part| part.starts_with('p')).find(digits)?;
    Some(part[1..].to_string())
}

fn category(value: &Value) -> Option<(i64, &str)> {
    Some((value.get("id")?.as_i64()?, value.get("name")?.as_str()?))
}

fn sample(
    annotation: &Value,
    images: &HashMap<i64, CocoImage>,
    categories: &HashMap<i64, &str>,
    report: &mut ReadReport,
) -> std::result::Result<GroundingSample, DropReason> {
    let id = |field| annotation.get(field).and_then(Value::as_i64);
    let image = id("image_id").ok_or(DropReason::Malformed("image_id"))?;
    let image = images.get(&image).ok_or(DropReason::UnknownReference)?;
    let text = annotation.get("label_text").and_then(Value::as_str).map(str::trim);
    let named = || id("category_id").and_then(|id| categories.get(&id).copied());
    let phrase = text.filter(|text| !text.is_empty()).or_else(named).ok_or(DropReason::EmptyPhrase)?;
    let [x, y, width, height] = four(annotation.get("bbox")).ok_or(DropReason::Malformed("bbox"))?;
    let bounds = report.accept(PixelBox::from_xywh(x, y, width, height), image.size)?;
    Ok(GroundingSample {
        image: image.name.clone(),
        size: image.size,
        phrase: phrase.to_string(),
        boxes: vec![bounds],
        patient: image.patient.clone(),
        split: image.split,
    })
}

/// A list of four numbers.
pub(crate) fn four(value: Option<&Value>) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = value?.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
    numbers.try_into().ok()
}
