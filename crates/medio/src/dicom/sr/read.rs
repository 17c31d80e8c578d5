//! Reading reports.

use std::path::Path;

use dicom_dictionary_std::tags;
use medcore::{Box3, Lps, PixelBox, Point3};

use super::content::names;
use super::finding::{Finding, Measurement, Region, Site};
use crate::dicom::dataset::DataSet;
use crate::dicom::object::ObjectFile;
use crate::dicom::write::Code;
use crate::error::Result;

/// A measurement report that was read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MeasurementReport {
    /// StudyInstanceUID.
    pub study_uid: String,
    /// SOPInstanceUID of the report.
    pub sop_instance_uid: String,
    /// Of the boxes; `None` when there are none.
    pub frame_of_reference_uid: Option<String>,
    /// The findings with polygons or polylines for a region.
    pub findings: Vec<Finding>,
    /// How many measurement groups have no such region, and are not in `findings`.
    pub other_groups: usize,
}

/// Reads the findings of a measurement report (TID 1500): those of [`write_measurements`](super::write_measurements), and of others
/// the measurement groups with polygons or polylines, of which the boxes around them are given.
///
/// ```no_run
/// let report = medio::dicom::sr::read("nodules.dcm")?;
/// for finding in &report.findings {
///     println!("{}: {:?}, score {:?}", finding.tracking_id, finding.region, finding.score);
/// }
/// # Ok::<(), medio::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`](crate::Error::Io); [`Error::Invalid`](crate::Error::Invalid) for a file that is no measurement report, for
/// coordinates that are no points, and for boxes in several frames of reference.
pub fn read(path: impl AsRef<Path>) -> Result<MeasurementReport> {
    report(&ObjectFile::read(path.as_ref())?)
}

/// [`read`] of a file in memory; `name` is its name for messages.
///
/// # Errors
/// As [`read`], but for [`Error::Io`](crate::Error::Io).
pub fn read_bytes(name: impl AsRef<Path>, bytes: Vec<u8>) -> Result<MeasurementReport> {
    report(&ObjectFile::parse(name.as_ref(), bytes)?)
}

fn report(file: &ObjectFile) -> Result<MeasurementReport> {
    let root = file.data_set();
    if !file.code(root, tags::CONCEPT_NAME_CODE_SEQUENCE).is_some_and(|name| name.is_same(&names::report())) {
        return Err(file.invalid(
            "document title",
            "(126000, DCM, Imaging Measurement Report)",
            "another or none",
        ));
    }
    let mut report = MeasurementReport {
        study_uid: file.text(root, tags::STUDY_INSTANCE_UID),
        sop_instance_uid: file.text(root, tags::SOP_INSTANCE_UID),
        frame_of_reference_uid: None,
        findings: Vec::new(),
        other_groups: 0,
    };
    for measurements in children(file, root, names::measurements()) {
        for group in children(file, measurements, names::group()) {
            let (finding, frame_of_reference) = read_group(file, group)?;
            let Some(finding) = finding else {
                report.other_groups += 1;
                continue;
            };
            report.findings.push(finding);
            if frame_of_reference.is_some() {
                if report.frame_of_reference_uid.is_some()
                    && report.frame_of_reference_uid != frame_of_reference
                {
                    return Err(file.invalid("frames of reference", "one", "several"));
                }
                report.frame_of_reference_uid = frame_of_reference;
            }
        }
    }
    Ok(report)
}

/// The items of a name.
fn children<'a>(file: &'a ObjectFile, data: DataSet<'a>, name: Code) -> impl Iterator<Item = DataSet<'a>> {
    let is = move |item: &DataSet<'_>| name_of(file, *item).is_some_and(|found| found.is_same(&name));
    data.items(tags::CONTENT_SEQUENCE).filter(is)
}

fn name_of(file: &ObjectFile, item: DataSet<'_>) -> Option<Code> {
    file.code(item, tags::CONCEPT_NAME_CODE_SEQUENCE)
}

/// A finding, if it has a region, and the frame of reference of its box.
fn read_group(file: &ObjectFile, group: DataSet<'_>) -> Result<(Option<Finding>, Option<String>)> {
    let mut tracking_id = String::new();
    let mut tracking_uid = None;
    let (mut finding, mut site, mut score) = (None, None, None);
    let mut measurements = Vec::new();
    let mut solid: Option<Box3<Lps>> = None;
    let mut frame_of_reference = None;
    let mut rectangle = None;
    for item in group.items(tags::CONTENT_SEQUENCE) {
        let name = name_of(file, item).unwrap_or_else(|| Code::new("", "", ""));
        match file.text(item, tags::VALUE_TYPE).as_str() {
            "TEXT" if name.is_same(&names::tracking_id()) => tracking_id = file.text(item, tags::TEXT_VALUE),
            "UIDREF" if name.is_same(&names::tracking_uid()) => {
                tracking_uid = Some(file.text(item, tags::UID))
            }
            "CODE" if name.is_same(&names::finding()) => {
                finding = file.code(item, tags::CONCEPT_CODE_SEQUENCE)
            }
            "CODE" if name.is_same(&names::site()) => site = read_site(file, item),
            "NUM" => {
                let Some((value, unit)) = read_number(file, item) else { continue };
                if name.is_same(&names::certainty()) && unit.is_same(&names::percent()) {
                    score = Some(value / 100.0);
                } else {
                    measurements.push(Measurement { quantity: name, value, unit });
                }
            }
            // Of other shapes the points are no corners.
            kind @ ("SCOORD3D" | "SCOORD") if !is_polygon(file, item, kind) => {}
            "SCOORD3D" => {
                let part = box_around(file, item)?;
                solid = Some(solid.map_or(part, |whole| hull(&whole, &part)));
                frame_of_reference = Some(file.text(item, tags::REFERENCED_FRAME_OF_REFERENCE_UID));
            }
            "SCOORD" => rectangle = read_rectangle(file, item)?,
            _ => {}
        }
    }
    let region = solid.map(Region::Box).or(rectangle);
    let found = region.map(|region| Finding {
        tracking_id,
        tracking_uid,
        region,
        finding,
        site,
        score,
        measurements,
    });
    Ok((found, frame_of_reference))
}

fn read_site(file: &ObjectFile, item: DataSet<'_>) -> Option<Site> {
    let is_side = |i: &DataSet<'_>| name_of(file, *i).is_some_and(|name| name.is_same(&names::laterality()));
    let side = item.items(tags::CONTENT_SEQUENCE).find(is_side);
    Some(Site {
        code: file.code(item, tags::CONCEPT_CODE_SEQUENCE)?,
        laterality: side.and_then(|side| file.code(side, tags::CONCEPT_CODE_SEQUENCE)),
    })
}

/// The double where there is one, for the decimal string may be rounded.
fn read_number(file: &ObjectFile, item: DataSet<'_>) -> Option<(f64, Code)> {
    let measured = item.item(tags::MEASURED_VALUE_SEQUENCE)?;
    let exact = measured.get(tags::FLOATING_POINT_VALUE).and_then(|e| e.double());
    let value = exact.or_else(|| measured.get(tags::NUMERIC_VALUE)?.decimal())?;
    Some((value, file.code(measured, tags::MEASUREMENT_UNITS_CODE_SEQUENCE)?))
}

fn is_polygon(file: &ObjectFile, item: DataSet<'_>, kind: &str) -> bool {
    let shape = file.text(item, tags::GRAPHIC_TYPE);
    shape == "POLYLINE" || (kind == "SCOORD3D" && shape == "POLYGON")
}

/// The points of an item, `N` coordinates each.
fn points<const N: usize>(file: &ObjectFile, item: DataSet<'_>) -> Result<Vec<[f64; N]>> {
    let data = item.get(tags::GRAPHIC_DATA).ok_or_else(|| file.missing("GraphicData"))?;
    let numbers: Vec<f64> = data.floats().map(f64::from).collect();
    let (points, rest) = numbers.as_chunks::<N>();
    if points.is_empty() || !rest.is_empty() || !numbers.iter().all(|x| x.is_finite()) {
        let found = format!("{} numbers", numbers.len());
        return Err(file.invalid("GraphicData", &format!("points of {N} finite numbers"), found));
    }
    Ok(points.to_vec())
}

fn box_around(file: &ObjectFile, item: DataSet<'_>) -> Result<Box3<Lps>> {
    let corners = points::<3>(file, item)?;
    let bound = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| {
        corners.iter().map(|p| p[axis]).fold(start, pick)
    };
    let low = std::array::from_fn(|axis| bound(axis, f64::min, f64::INFINITY));
    let high = std::array::from_fn(|axis| bound(axis, f64::max, f64::NEG_INFINITY));
    Ok(Box3::spanning(Point3::from_coords(low), Point3::from_coords(high)))
}

fn hull(a: &Box3<Lps>, b: &Box3<Lps>) -> Box3<Lps> {
    let (p, q) = (a.min().coords(), b.min().coords());
    let (r, s) = (a.max().coords(), b.max().coords());
    Box3::spanning(
        Point3::from_coords(std::array::from_fn(|axis| p[axis].min(q[axis]))),
        Point3::from_coords(std::array::from_fn(|axis| r[axis].max(s[axis]))),
    )
}

fn read_rectangle(file: &ObjectFile, item: DataSet<'_>) -> Result<Option<Region>> {
    let Some(image) = item.items(tags::CONTENT_SEQUENCE).find_map(|i| i.item(tags::REFERENCED_SOP_SEQUENCE))
    else {
        return Ok(None);
    };
    let corners = points::<2>(file, item)?;
    let bound = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| {
        corners.iter().map(|p| p[axis]).fold(start, pick)
    };
    let [left, top] = [0, 1].map(|axis| bound(axis, f64::min, f64::INFINITY));
    let [right, bottom] = [0, 1].map(|axis| bound(axis, f64::max, f64::NEG_INFINITY));
    let pixels = PixelBox::new(left, top, right, bottom)
        .map_err(|e| file.invalid("GraphicData", "a box around its points", e))?;
    let frame = image.get(tags::REFERENCED_FRAME_NUMBER).and_then(|e| e.integer());
    Ok(Some(Region::Rectangle {
        sop_instance_uid: file.text(image, tags::REFERENCED_SOP_INSTANCE_UID),
        frame: frame.and_then(|n| u32::try_from(n).ok()),
        pixels,
    }))
}
