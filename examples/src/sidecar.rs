//! What NIfTI has no place for, as the JSON sidecar of BIDS.
//!
//! Names and units are those of the BIDS specification (seconds, tesla, millimetres); two more, `ReadWithoutDefects` and `SplitBy...`,
//! say how the volume was read. Nothing in it identifies a patient: no names,
//! numbers, dates or free text.

use std::path::{Path, PathBuf};

use medio::dicom::{ImageAttributes, Report, Series, Tag};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// Texts: BIDS's name, the attribute.
const TEXTS: [(&str, Tag); 8] = [
    ("Modality", Tag(0x0008, 0x0060)),
    ("Manufacturer", Tag(0x0008, 0x0070)),
    ("ManufacturersModelName", Tag(0x0008, 0x1090)),
    ("BodyPartExamined", Tag(0x0018, 0x0015)),
    ("PatientPosition", Tag(0x0018, 0x5100)),
    ("ScanningSequence", Tag(0x0018, 0x0020)),
    ("MRAcquisitionType", Tag(0x0018, 0x0023)),
    ("ConvolutionKernel", Tag(0x0018, 0x1210)),
];

/// Numbers: BIDS's name, the attribute, the factor to BIDS's unit.
const NUMBERS: [(&str, Tag, f64); 13] = [
    ("MagneticFieldStrength", Tag(0x0018, 0x0087), 1.0),
    ("ImagingFrequency", Tag(0x0018, 0x0084), 1.0),
    ("RepetitionTime", Tag(0x0018, 0x0080), 1e-3),
    ("EchoTime", Tag(0x0018, 0x0081), 1e-3),
    ("InversionTime", Tag(0x0018, 0x0082), 1e-3),
    ("FlipAngle", Tag(0x0018, 0x1314), 1.0),
    ("EchoTrainLength", Tag(0x0018, 0x0091), 1.0),
    ("SliceThickness", Tag(0x0018, 0x0050), 1.0),
    ("SpacingBetweenSlices", Tag(0x0018, 0x0088), 1.0),
    ("XRayTubeVoltage", Tag(0x0018, 0x0060), 1.0),
    ("XRayTubeCurrent", Tag(0x0018, 0x1151), 1.0),
    ("XRayExposure", Tag(0x0018, 0x1152), 1.0),
    ("PixelBandwidth", Tag(0x0018, 0x0095), 1.0),
];

/// Lists of texts.
const LISTS: [(&str, Tag); 2] =
    [("ImageType", Tag(0x0008, 0x0008)), ("SequenceVariant", Tag(0x0018, 0x0021))];

/// The sidecar of a volume that was read from a series.
///
/// # Errors
/// [`Error::File`] when a file of the series cannot be read again.
pub fn of(series: &Series, report: &Report) -> Result<Value> {
    let attributes = series.attributes(0)?;
    let mut fields = Map::new();
    for (name, tag) in TEXTS {
        if let Some(text) = attributes.text(tag) {
            fields.insert(name.to_string(), json!(text));
        }
    }
    for (name, tag, factor) in NUMBERS {
        if let Some(number) = attributes.number(tag) {
            fields.insert(name.to_string(), json!(rounded(number * factor)));
        }
    }
    for (name, tag) in LISTS {
        if let Some(text) = attributes.text(tag) {
            fields.insert(name.to_string(), json!(text.split('\\').map(str::trim).collect::<Vec<_>>()));
        }
    }
    fields.extend(tracer(&attributes));
    for split in series.split() {
        fields.insert(format!("SplitBy{:?}", split.by), json!(split.value));
    }
    fields.insert("ReadWithoutDefects".into(), json!(report.is_clean()));
    fields.insert("ConversionSoftware".into(), json!("medburn"));
    fields.insert("ConversionSoftwareVersion".into(), json!(env!("CARGO_PKG_VERSION")));
    Ok(Value::Object(fields))
}

/// Of PET: BIDS wants the unit of the values.
fn tracer(attributes: &ImageAttributes) -> Option<(String, Value)> {
    let units = attributes.text(Tag(0x0054, 0x1001))?;
    let name = if units == "BQML" { "Bq/mL" } else { units.as_str() };
    Some(("Units".to_string(), json!(name)))
}

/// Without the last digits, which the change of unit made up: 4.6 ms are 0.0046 s.
fn rounded(number: f64) -> f64 {
    format!("{number:.12e}").parse().unwrap_or(number)
}

/// Beside a NIfTI file: `x.json` for `x.nii.gz`.
pub fn path_beside(image: &Path) -> PathBuf {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii")).unwrap_or(&name);
    image.with_file_name(format!("{stem}.json"))
}

/// Writes a sidecar.
///
/// # Errors
/// [`Error::Io`].
pub fn write(path: &Path, sidecar: &Value) -> Result<()> {
    std::fs::write(path, format!("{sidecar:#}\n"))
        .map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_bids() {
        let study = medio::dicom::scan(crate::fixtures::folder().join("dicom_pet/start_of_series")).unwrap();
        let (_, report) = study[0].load().unwrap();
        let sidecar = of(&study[0], &report).unwrap();
        assert_eq!(sidecar["Units"], "Bq/mL");
        assert_eq!(sidecar["Modality"], "PT");
        assert_eq!(rounded(4.6 * 1e-3), 0.0046);
        let text = sidecar.to_string();
        assert!(!text.contains("Patient"), "{text}");
    }

    #[test]
    fn beside_its_image() {
        assert_eq!(path_beside(Path::new("a/b.c.nii.gz")), Path::new("a/b.c.json"));
        assert_eq!(path_beside(Path::new("b.nii")), Path::new("b.json"));
    }
}
