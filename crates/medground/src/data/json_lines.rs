//! Phrases and boxes, one JSON object a line.

use medcore::PixelBox;
use serde_json::Value;

use super::chest_imagenome::text_or_number;
use super::ms_cxr::four;
use super::sample::{DropReason, GroundingSample, ReadReport, ReadSamples, Split, group};

/// Reads lines such as
/// ```json
/// {"image": "a.jpg", "width": 640, "height": 511, "phrase": "right lung", "box_xywh": [29.2, 1.6, 288.4, 442.3],
///  "patient": "5", "split": "train"}
/// ```
/// (on one line each). `box_xywh` may be missing or null: the phrase describes nothing in the image. `width` and `height`, `patient` and
/// `split` may be missing; other fields are passed over. Lines of one image and phrase are one sample. Lines that do not parse are dropped
/// rows, and counted by line.
pub fn read_json_lines(text: &str) -> ReadSamples {
    let mut report = ReadReport::default();
    let mut samples = Vec::new();
    for (row, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        report.rows += 1;
        match sample(line, &mut report) {
            Ok(sample) => samples.push(sample),
            Err(reason) => report.drop_row(row, reason),
        }
    }
    ReadSamples { samples: group(samples), report }
}

fn sample(line: &str, report: &mut ReadReport) -> Result<GroundingSample, DropReason> {
    let fields: Value = serde_json::from_str(line).map_err(|_| DropReason::Malformed("line"))?;
    let image = fields.get("image").and_then(Value::as_str).ok_or(DropReason::Malformed("image"))?;
    let phrase = fields.get("phrase").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if phrase.is_empty() {
        return Err(DropReason::EmptyPhrase);
    }
    let side = |field| fields.get(field)?.as_u64().filter(|side| *side > 0)?.try_into().ok();
    let size = side("height").zip(side("width")).map(|(height, width): (usize, usize)| [height, width]);
    let boxes = match fields.get("box_xywh").filter(|value| !value.is_null()) {
        None => Vec::new(),
        Some(value) => {
            let [x, y, width, height] = four(Some(value)).ok_or(DropReason::Malformed("box_xywh"))?;
            vec![report.accept(PixelBox::from_xywh(x, y, width, height), size)?]
        }
    };
    Ok(GroundingSample {
        image: image.to_string(),
        size,
        phrase: phrase.to_string(),
        boxes,
        patient: fields.get("patient").and_then(text_or_number),
        split: fields.get("split").and_then(Value::as_str).and_then(Split::parse),
    })
}
