//! Writing reports.

use std::path::Path;

use dicom_dictionary_std::{tags, uids};
use medcore::{Box3, Lps, PixelBox};

use super::content::{Item, Relation, describe_container, names};
use super::finding::{Finding, Measurement, Region};
use super::options::SrOptions;
use crate::dicom::Series;
use crate::dicom::write::{Code, MANUFACTURER, MODEL, NewDataSet, Origin, Output, write_file};
use crate::error::{Error, Result};

/// Writes findings as a measurement report (TID 1500) in the study and frame of reference of `source`, the series that they
/// were found in.
///
/// ```no_run
/// use medcore::{Box3, Point3};
/// use medio::dicom::{self, Code, sr};
/// let study = dicom::scan("study/")?;
/// let b = Box3::new(Point3::new(10.0, -40.0, -120.0), Point3::new(18.0, -31.0, -112.0)).unwrap();
/// let nodule = sr::Finding::new("nodule 1", sr::Region::Box(b)).finding(Code::sct("27925004", "Nodule"));
/// sr::write_measurements("nodules.dcm", &[nodule], &study[0], &sr::SrOptions::new())?;
/// # Ok::<(), medio::Error>(())
/// ```
///
/// Boxes are stored in single precision (`f32`), measured values in double.
///
/// # Errors
/// - [`Error::Invalid`](crate::Error::Invalid): a rectangle on an image that is not of the source series, a score
///   that is not from 0 to 1, a value that is not finite, a text that its attribute cannot hold.
/// - [`Error::MissingAttribute`](crate::Error::MissingAttribute): the source has no UIDs, or no FrameOfReferenceUID for a box.
/// - [`Error::Io`](crate::Error::Io).
pub fn write_measurements(
    path: impl AsRef<Path>,
    findings: &[Finding],
    source: &Series,
    options: &SrOptions,
) -> Result<()> {
    let path = path.as_ref();
    let origin = Origin::of(source)?;
    let output = Output::new(&origin, &options.series, "SR", "measurement report");
    let groups = (findings.iter().enumerate())
        .map(|(index, finding)| group(path, index, finding, &origin, &output))
        .collect::<Result<Vec<_>>>()?;
    let mut data = output.common.clone();
    data.integer(tags::INSTANCE_NUMBER, 1)
        .text(tags::COMPLETION_FLAG, "COMPLETE")
        .text(tags::VERIFICATION_FLAG, "UNVERIFIED")
        .items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new())
        .items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new())
        .item(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, evidence(&origin))
        .text(tags::VALUE_TYPE, "CONTAINER")
        .code(tags::CONCEPT_NAME_CODE_SEQUENCE, &names::report());
    describe_container(&mut data, Some("1500"));
    let mut content = context(options, &output);
    content.push(Item::container(&names::measurements(), None, groups));
    data.items(tags::CONTENT_SEQUENCE, content.into_iter().map(|item| item.0).collect());
    write_file(path, [uids::COMPREHENSIVE3_DSR_STORAGE, &output.uids.of("instance")], data, &origin.charset)
}

/// All images that the report is about.
fn evidence(origin: &Origin) -> NewDataSet {
    let mut series = NewDataSet::new();
    series
        .text(tags::SERIES_INSTANCE_UID, &origin.series_uid)
        .items(tags::REFERENCED_SOP_SEQUENCE, origin.instances());
    let mut study = NewDataSet::new();
    study.text(tags::STUDY_INSTANCE_UID, &origin.study_uid).item(tags::REFERENCED_SERIES_SEQUENCE, series);
    study
}

/// The language, who reports, and what procedure.
fn context(options: &SrOptions, output: &Output) -> Vec<Item> {
    use Relation::{HasConceptModifier, HasObservationContext};
    vec![
        Item::code(HasConceptModifier, &names::language(), &Code::new("en", "RFC5646", "English")),
        Item::code(HasObservationContext, &names::observer_type(), &names::device()),
        Item::uid(HasObservationContext, &names::observer_uid(), &output.uids.of("observer")),
        Item::text(HasObservationContext, &names::observer_name(), &options.observer),
        Item::text(HasObservationContext, &names::observer_manufacturer(), MANUFACTURER),
        Item::text(HasObservationContext, &names::observer_model(), MODEL),
        Item::code(HasConceptModifier, &names::procedure(), &options.procedure),
    ]
}

fn group(path: &Path, index: usize, finding: &Finding, origin: &Origin, output: &Output) -> Result<Item> {
    use Relation::{Contains, HasConceptModifier, HasObservationContext};
    let uid = finding.tracking_uid.clone().unwrap_or_else(|| output.uids.of(&format!("finding {index}")));
    let mut items = vec![
        Item::text(HasObservationContext, &names::tracking_id(), &finding.tracking_id),
        Item::uid(HasObservationContext, &names::tracking_uid(), &uid),
    ];
    if let Some(code) = &finding.finding {
        items.push(Item::code(Contains, &names::finding(), code));
    }
    let template = match &finding.region {
        Region::Box(b) => {
            if origin.frame_of_reference.is_empty() {
                return Err(Error::MissingAttribute { path: path.into(), attribute: "FrameOfReferenceUID" });
            }
            let surface = names::volume_surface();
            let face = |points: &[f32; 15]| Item::polygon(&surface, &output.frame_of_reference, points);
            items.extend(faces(b).iter().map(face));
            items.push(Item::uid(Contains, &names::source_series(), &origin.series_uid));
            "1411"
        }
        Region::Rectangle { sop_instance_uid, frame, pixels } => {
            let image =
                origin.images.iter().find(|i| i.sop_instance == *sop_instance_uid && i.frame == *frame);
            let image =
                image.ok_or_else(|| invalid(path, "image of a rectangle", "one of the source series"))?;
            items.push(Item::polyline(&names::image_region(), &outline(pixels), image.reference()));
            "1410"
        }
    };
    if let Some(site) = &finding.site {
        let laterality =
            site.laterality.iter().map(|code| Item::code(HasConceptModifier, &names::laterality(), code));
        let item = Item::code(HasConceptModifier, &names::site(), &site.code);
        items.push(item.with(laterality.collect()));
    }
    if let Some(score) = finding.score {
        if !(0.0..=1.0).contains(&score) {
            return Err(invalid(path, "score", "0 to 1"));
        }
        items.push(Item::number(&names::certainty(), 100.0 * score, &names::percent()));
    }
    for Measurement { quantity, value, unit } in &finding.measurements {
        if !value.is_finite() {
            return Err(invalid(path, "measured value", "a finite number"));
        }
        items.push(Item::number(quantity, *value, unit));
    }
    Ok(Item::container(&names::group(), Some(template), items))
}

/// The six faces of a box, each closed by its first corner.
fn faces(b: &Box3<Lps>) -> [[f32; 15]; 6] {
    let (low, high) = (b.min().coords(), b.max().coords());
    std::array::from_fn(|face| {
        let (axis, level) = (face / 2, if face % 2 == 0 { low } else { high });
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let mut points = [0.0; 15];
        for (corner, point) in points.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let mut at = level;
            at[u] = if matches!(corner, 1 | 2) { high[u] } else { low[u] };
            at[v] = if matches!(corner, 2 | 3) { high[v] } else { low[v] };
            *point = at.map(|mm| mm as f32);
        }
        points
    })
}

fn outline(b: &PixelBox) -> [f32; 10] {
    let [left, top, right, bottom] = b.xyxy().map(|x| x as f32);
    [left, top, right, top, right, bottom, left, bottom, left, top]
}

fn invalid(path: &Path, what: &'static str, expected: &str) -> Error {
    Error::Invalid { path: path.into(), what, expected: expected.into(), found: "another".into() }
}
