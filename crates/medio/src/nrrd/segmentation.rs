//! Segmentations, with what 3D Slicer keeps of them in `.seg.nrrd` files.

use std::collections::BTreeMap;
use std::path::Path;

use medcore::{Label, LabelMap, Volume};

use super::options::{ReadOptions, WriteOptions};
use super::read::Prepared;
use super::report::Report;
use super::write::write_numbers;
use crate::error::{Error, Result};
use crate::stored::NumberType;

/// A structure of a [`Segmentation`] (`Segment0_Name` and so on).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segment {
    /// `ID`: unique in the file.
    pub id: String,
    /// `Name`.
    pub name: String,
    /// `Color`, from 0 to 255 each.
    pub color: [u8; 3],
    /// `LabelValue`: its value in the layer.
    pub label: u16,
    /// `Layer`: the index of its layer.
    pub layer: usize,
    /// `Tags`, such as `Segmentation.Status`, `completed`. The terminology is under `TerminologyEntry`.
    pub tags: Vec<(String, String)>,
}

impl Segment {
    /// The coded meaning, in 3D Slicer's form: context, category, type, modifier and anatomy separated by `~`, the parts of a
    /// code by `^`.
    pub fn terminology(&self) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == "TerminologyEntry").map(|(_, value)| value.as_str())
    }
}

/// A segmentation whose structures may overlap: those of one layer do not.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// The layers, all with one geometry. The names of their labels are those of the segments.
    pub layers: Vec<LabelMap>,
    /// The structures, in the order of the file.
    pub segments: Vec<Segment>,
    /// The `key:=value` pairs that say nothing of a single segment.
    pub key_values: Vec<(String, String)>,
}

/// Reads a segmentation of a single layer, with the names and colours of its labels where the file has them. Values without a
/// segment are kept.
///
/// # Errors
/// As [`read`](super::read); [`Error::Unsupported`] for several layers (see [`read_segmentation`]); [`Error::Geometry`] with
/// [`medcore::Error::InvalidLabel`] when a voxel is not a whole number from 0 to 65 535.
pub fn read_labels(path: impl AsRef<Path>) -> Result<LabelMap> {
    let path = path.as_ref();
    let (map, report) = layer(path, &ReadOptions::default())?;
    Ok(named(map, &segments(&report, path)?, 0))
}

/// Reads a segmentation with all its layers and what is known of its structures.
///
/// # Errors
/// As [`read_labels`], but that several layers are read; [`Error::Invalid`] for a segment whose layer is not there or whose label
/// is no number from 0 to 65 535.
pub fn read_segmentation(path: impl AsRef<Path>) -> Result<Segmentation> {
    let path = path.as_ref();
    let (first, report) = layer(path, &ReadOptions::default().volume(0))?;
    let segments = segments(&report, path)?;
    let mut layers = vec![named(first, &segments, 0)];
    for index in 1..report.volumes {
        layers.push(named(layer(path, &ReadOptions::default().volume(index))?.0, &segments, index));
    }
    let of_segment = |key: &str| segment_key(key).is_some();
    let key_values = report.key_values.into_iter().filter(|(key, _)| !of_segment(key)).collect();
    Ok(Segmentation { layers, segments, key_values })
}

fn layer(path: &Path, options: &ReadOptions) -> Result<(LabelMap, Report)> {
    let file = Prepared::open(path, options)?;
    if matches!(file.report.number_type, NumberType::U8 | NumberType::U16) {
        let (volume, report) = file.load(options)?;
        return Ok((LabelMap::new(volume), report));
    }
    let (volume, report) = file.load(options)?;
    let map =
        LabelMap::from_volume(&volume).map_err(|source| Error::Geometry { path: path.into(), source })?;
    Ok((map, report))
}

fn named(map: LabelMap, segments: &[Segment], layer: usize) -> LabelMap {
    let label = |s: &Segment| (s.label, Label { name: s.name.clone(), color: s.color });
    map.with_labels(segments.iter().filter(|s| s.layer == layer).map(label))
}

/// `Segment12_Name` is number 12, `Name`.
fn segment_key(key: &str) -> Option<(u32, &str)> {
    let (number, field) = key.strip_prefix("Segment")?.split_once('_')?;
    Some((number.parse().ok()?, field))
}

fn segments(report: &Report, path: &Path) -> Result<Vec<Segment>> {
    let mut found: BTreeMap<u32, Segment> = BTreeMap::new();
    for (key, value) in &report.key_values {
        let Some((number, field)) = segment_key(key) else { continue };
        // Before label values were written, the segments counted from 1.
        let first = u16::try_from(number).unwrap_or(u16::MAX).saturating_add(1);
        let segment = found.entry(number).or_insert_with(|| Segment { label: first, ..Segment::default() });
        let invalid = |expected: String| Error::Invalid {
            path: path.into(),
            what: "value of a segment in the NRRD header",
            expected,
            found: format!("{field} {:?}", value.chars().take(40).collect::<String>()),
        };
        match field {
            "ID" => segment.id.clone_from(value),
            "Name" => segment.name.clone_from(value),
            "Color" => {
                segment.color = color(value).ok_or_else(|| invalid("three numbers from 0 to 1".into()))?
            }
            "LabelValue" => {
                segment.label = value.trim().parse().map_err(|_| invalid("0 to 65535".into()))?;
            }
            "Layer" => {
                let layer = value.trim().parse().ok().filter(|&n: &usize| n < report.volumes);
                segment.layer = layer.ok_or_else(|| invalid(format!("below {}", report.volumes)))?;
            }
            "Tags" => segment.tags = tags(value),
            _ => {}
        }
    }
    Ok(found.into_values().collect())
}

fn color(text: &str) -> Option<[u8; 3]> {
    let parts: Vec<f64> = text.split_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let rgb = <[f64; 3]>::try_from(parts).ok()?;
    Some(rgb.map(|part| (part * 255.0).round() as u8))
}

/// `name:value|name:value|`.
fn tags(text: &str) -> Vec<(String, String)> {
    let pair = |tag: &str| tag.split_once(':').map(|(name, value)| (name.into(), value.into()));
    text.split('|').filter_map(pair).collect()
}

/// Writes a segmentation with the names and colours of its labels, as 3D Slicer reads them from a `.seg.nrrd` file; with 8 bits
/// per voxel where the labels fit and 16 otherwise, compressed with gzip.
///
/// # Errors
/// As [`write()`](super::write()).
pub fn write_labels(path: impl AsRef<Path>, labels: &LabelMap) -> Result<()> {
    let segment = |(&value, label): (&u16, &Label)| Segment {
        id: format!("Segment_{value}"),
        name: label.name.clone(),
        color: label.color,
        label: value,
        ..Segment::default()
    };
    let segments: Vec<Segment> = labels.labels().iter().map(segment).collect();
    write_layers(path.as_ref(), std::slice::from_ref(labels), &segments, &[])
}

/// Writes a segmentation with all its layers. The segments say what is written of names, colours and tags; the names in the
/// layers themselves do not count.
///
/// # Errors
/// As [`write_labels`]; [`Error::Invalid`] when there is no layer or a segment's layer is not there; [`Error::Geometry`] when the
/// layers differ in size.
pub fn write_segmentation(path: impl AsRef<Path>, segmentation: &Segmentation) -> Result<()> {
    let Segmentation { layers, segments, key_values } = segmentation;
    write_layers(path.as_ref(), layers, segments, key_values)
}

fn write_layers(
    path: &Path,
    layers: &[LabelMap],
    segments: &[Segment],
    others: &[(String, String)],
) -> Result<()> {
    let highest = segments.iter().map(|s| s.layer).max().unwrap_or(0);
    let Some(first) = layers.first().filter(|_| highest < layers.len()) else {
        return Err(Error::Invalid {
            path: path.into(),
            what: "layers of a segmentation",
            expected: format!("at least {}", highest + 1),
            found: layers.len().to_string(),
        });
    };
    let geometry = first.geometry();
    if let Some(other) = layers.iter().find(|map| map.geometry() != geometry) {
        let source = medcore::Error::ShapeMismatch {
            expected: geometry.size().to_vec(),
            found: other.geometry().size().to_vec(),
        };
        return Err(Error::Geometry { path: path.into(), source });
    }
    let mut options = WriteOptions { key_values: others.to_vec(), ..WriteOptions::default() };
    options.key_values.extend(pairs(layers, segments));
    let numbers = interleaved(layers);
    if numbers.iter().all(|&label| label <= u16::from(u8::MAX)) {
        let bytes: Vec<u8> = numbers.iter().map(|&label| label as u8).collect();
        return write_numbers(path, &bytes, geometry, layers.len(), &options);
    }
    write_numbers(path, &numbers, geometry, layers.len(), &options)
}

fn interleaved(layers: &[LabelMap]) -> Vec<u16> {
    let slices: Vec<&[u16]> = layers.iter().map(LabelMap::volume).map(Volume::as_slice).collect();
    match slices.as_slice() {
        [one] => one.to_vec(),
        _ => {
            let count = slices.first().map_or(0, |s| s.len());
            (0..count).flat_map(|i| slices.iter().filter_map(move |s| s.get(i).copied())).collect()
        }
    }
}

/// What a `.seg.nrrd` header says of the segments.
fn pairs(layers: &[LabelMap], segments: &[Segment]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (number, segment) in segments.iter().enumerate() {
        let [r, g, b] = segment.color.map(|part| f64::from(part) / 255.0);
        let tags: Vec<String> = segment.tags.iter().map(|(name, value)| format!("{name}:{value}|")).collect();
        let id = if segment.id.is_empty() { format!("Segment_{}", number + 1) } else { segment.id.clone() };
        let fields = [
            ("Color", format!("{r} {g} {b}")),
            ("ColorAutoGenerated", "0".into()),
            ("Extent", extent(layers.get(segment.layer), segment.label)),
            ("ID", id),
            ("LabelValue", segment.label.to_string()),
            ("Layer", segment.layer.to_string()),
            ("Name", segment.name.clone()),
            ("NameAutoGenerated", "0".into()),
            ("Tags", tags.concat()),
        ];
        pairs.extend(fields.map(|(field, value)| (format!("Segment{number}_{field}"), value)));
    }
    pairs
}

/// First and last column, row and slice; Slicer's form of nothing is a last before the first.
fn extent(layer: Option<&LabelMap>, label: u16) -> String {
    let Some(bounds) = layer.and_then(|map| map.voxel_bounds(label)) else { return "0 -1 0 -1 0 -1".into() };
    // Bounds reach half a voxel beyond the centres.
    let (min, max) = (bounds.min().coords().map(|x| x + 0.5), bounds.max().coords().map(|x| x - 0.5));
    let pairs = min.iter().zip(max).map(|(min, max)| format!("{min} {max}"));
    pairs.collect::<Vec<_>>().join(" ")
}
