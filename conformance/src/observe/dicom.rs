//! DICOM files, folders and archives: volumes, single images, and segmentations.

use std::path::Path;

use medio::Error;
use medio::dicom::{self, LoadOptions, Policy, Report, Series, SeriesKind, SpacingPolicy, Study, seg};

use super::found::{Array, Found, variant};
use crate::observation::Outcome;

/// What each series and image of a file or folder came to, then the segmentation that a file is.
pub(super) fn observe(found: &mut Found<'_>) {
    let study = match dicom::scan(found.path) {
        Ok(study) => study,
        Err(error) => {
            // Labels of segmentations may be no images to a scan.
            match seg::read(found.path) {
                Ok(segmentation) => segments(found, &segmentation),
                Err(_) => found.refuse(&error),
            }
            return;
        }
    };
    for series in study.iter() {
        match series.kind() {
            SeriesKind::Sequence => images(found, series),
            // As its segments, below.
            SeriesKind::Segmentation if found.path.is_file() => {}
            _ => volume(found, series),
        }
    }
    skipped(found, &study);
    let classes = ["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"];
    if found.path.is_file() && study.iter().any(|series| classes.contains(&series.sop_class_uid())) {
        match seg::read(found.path) {
            Ok(segmentation) => segments(found, &segmentation),
            Err(error) => found.refuse(&error),
        }
    }
}

/// A series as a volume; one that the default options refuse also with options that accept it.
fn volume(found: &mut Found<'_>, series: &Series) {
    match series.load() {
        Ok((volume, report)) => loaded(found, series, "dicom", &volume, &report),
        // Colour is read image by image.
        Err(Error::NotAVolume { .. }) => images(found, series),
        Err(error @ (Error::IrregularSpacing { .. } | Error::DuplicatePosition { .. })) => {
            found.refuse(&error);
            let lenient = LoadOptions::new().irregular_spacing(SpacingPolicy::Warn).duplicates(Policy::Warn);
            match series.load_with(&lenient) {
                Ok((volume, report)) => loaded(found, series, "dicom, lenient", &volume, &report),
                Err(error) => found.refuse(&error),
            }
        }
        Err(error) => found.refuse(&error),
    }
}

fn loaded(
    found: &mut Found<'_>,
    series: &Series,
    format: &str,
    volume: &medcore::Volume<f32>,
    report: &Report,
) {
    let placed = !report.assumed.contains(&dicom::Assumption::Position);
    let text = if report.is_clean() { String::new() } else { format!("{report:?}") };
    let refs: Vec<_> = series.image_refs().collect();
    let frames = refs.iter().map(|image| image.frame.unwrap_or(1)).collect();
    let files = refs.iter().map(|image| name(found.path, image.path)).collect();
    let array = Array {
        format,
        axes: "zyx",
        shape: &volume.size(),
        values: volume.as_slice(),
        geometry: placed.then(|| *volume.geometry()),
        report: text,
    };
    let is_folder = found.path.is_dir();
    if let Some(values) = found.values(array) {
        values.frames = frames;
        values.files = if is_folder { files } else { Vec::new() };
        values.dropped = report.duplicates.iter().map(|d| d.dropped.len()).sum();
        values.slack_mm = report.irregular_spacing.map_or(0.0, |irregular| irregular.largest_deviation_mm);
    }
}

/// Each image of a series by itself, in grey or colour.
fn images(found: &mut Found<'_>, series: &Series) {
    match read_images(series) {
        Ok(Images { channels, size: [rows, columns], values, geometry }) => {
            let count = series.frames();
            let shape: &[usize] =
                if channels == 1 { &[count, rows, columns] } else { &[count, channels, rows, columns] };
            let axes = if channels == 1 { "fyx" } else { "fcyx" };
            let names: Vec<_> = series.files().map(|file| name(found.path, file)).collect();
            let array =
                Array { format: "dicom", axes, shape, values: &values, geometry, report: String::new() };
            let is_folder = found.path.is_dir();
            if let Some(values) = found.values(array) {
                let one_file = names.len() == 1;
                let first = series.image_refs().next().and_then(|image| image.frame).unwrap_or(1);
                values.frames = (0..count as u32).map(|k| if one_file { first + k } else { 1 }).collect();
                if is_folder {
                    values.files =
                        if one_file { names.iter().cycle().take(count).cloned().collect() } else { names };
                }
            }
        }
        Err(error) => found.refuse(&error),
    }
}

/// All images of a series.
struct Images {
    channels: usize,
    size: [usize; 2],
    values: Vec<f32>,
    /// Of a series of one image.
    geometry: Option<medcore::Geometry>,
}

fn read_images(series: &Series) -> medio::Result<Images> {
    let mut images = Images { channels: 0, size: [0; 2], values: Vec::new(), geometry: None };
    for k in 0..series.frames() {
        let (size, geometry) = match series.color_image_16(k) {
            Ok(image) => {
                images.values.extend(image.pixels().iter().map(|v| f32::from(*v)));
                ([image.channels(), image.height(), image.width()], image.geometry().copied())
            }
            Err(Error::Unsupported { what: "PhotometricInterpretation", .. }) => {
                let image = series.image(k)?;
                images.values.extend(image.pixels().iter());
                ([image.channels(), image.height(), image.width()], image.geometry().copied())
            }
            Err(error) => return Err(error),
        };
        images.channels = size[0];
        images.size = [size[1], size[2]];
        images.geometry = geometry.filter(|_| series.frames() == 1);
    }
    Ok(images)
}

/// The masks or fractions of all segments, on one grid.
fn segments(found: &mut Found<'_>, segmentation: &seg::Segmentation) {
    let mut values: Vec<f32> = Vec::new();
    for segment in segmentation.segments() {
        match segmentation.fraction(segment.number) {
            Ok(volume) => values.extend_from_slice(volume.as_slice()),
            Err(error) => return found.refuse(&error),
        }
    }
    let geometry = *segmentation.geometry();
    let [z, y, x] = geometry.size();
    let numbers: Vec<_> = segmentation.segments().iter().map(|segment| segment.number).collect();
    found.values(Array {
        format: "seg",
        axes: "szyx",
        shape: &[numbers.len(), z, y, x],
        values: &values,
        geometry: Some(geometry),
        report: format!("{:?} {numbers:?}", segmentation.content()),
    });
}

/// Of a folder, the images that no series has.
fn skipped(found: &mut Found<'_>, study: &Study) {
    for skipped in study.skipped() {
        let kind = format!("Skipped/{}", variant(&skipped.reason));
        let message = format!("{}: {}", skipped.path.display(), skipped.reason);
        found.outcomes.push(Outcome::Refused { kind, message });
    }
}

fn name(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}
