//! A scan from a path of any kind.

use std::path::Path;

use medcore::Volume;
use medio::Format;
use medio::dicom::{Report, Series, SeriesKind, Study};
use medio::nifti::{DataType, Transform};

use crate::error::{Error, Result};

/// A volume and what is known about it.
#[derive(Debug)]
pub struct Scan {
    /// The voxels: HU for CT.
    pub volume: Volume<f32>,
    /// Modality, where the file says it, such as `CT`.
    pub modality: Option<String>,
    /// What it is, for a table; says nothing of the patient.
    pub name: String,
    /// What is unusual about it.
    pub notes: Vec<String>,
    /// The series that it was read from, if it is DICOM.
    pub source: Option<(Series, Report)>,
    /// What its header said, if it is NIfTI.
    pub nifti: Option<medio::nifti::Report>,
}

impl Scan {
    /// Whether the values are Hounsfield units: by the modality, or, for files without one, by air being there.
    pub fn is_ct(&self) -> bool {
        match &self.modality {
            Some(modality) => modality == "CT",
            None => self.volume.min_max().is_some_and(|(low, _)| low < -500.0),
        }
    }
}

/// Reads the volume of a folder, archive or file: DICOM, NIfTI, NRRD or MetaImage, told apart by content. `series` chooses among
/// several DICOM volumes.
///
/// # Errors
/// [`Error::File`]; [`Error::SeveralSeries`] and [`Error::NoSuchSeries`].
pub fn read(path: &Path, series: Option<usize>) -> Result<Scan> {
    read_part(path, series, None)
}

/// [`read`] with a choice among the volumes of a NIfTI, NRRD or MetaImage file that holds several.
///
/// # Errors
/// As [`read`].
pub fn read_part(path: &Path, series: Option<usize>, part: Option<usize>) -> Result<Scan> {
    let mut nifti = None;
    let (volume, name, notes) = match Format::of(path)? {
        Format::Nifti => {
            let options = part.map_or_else(Default::default, |k| medio::nifti::ReadOptions::new().volume(k));
            let (volume, report, is_color) = read_nifti(path, &options)?;
            let mut notes = nifti_notes(&report);
            if is_color {
                notes.push("in colour: its luminance was read".to_string());
            }
            nifti = Some(report);
            (volume, "NIfTI", notes)
        }
        Format::Nrrd => {
            let options = medio::nrrd::ReadOptions::default();
            let (volume, report) =
                medio::nrrd::read_with(path, &part.map_or(options, |k| options.volume(k)))?;
            (volume, "NRRD", texts(&report.notes))
        }
        Format::MetaImage => {
            let options = medio::metaimage::ReadOptions::default();
            let options = part.map_or(options, |k| options.volume(k));
            let (volume, report) = medio::metaimage::read_with(path, &options)?;
            (volume, "MetaImage", texts(&report.notes))
        }
        _ => return read_dicom(path, series),
    };
    // File names may be names of patients.
    Ok(Scan { volume, modality: None, name: name.to_string(), notes, source: None, nifti })
}

/// Values, of colour the luminance (ITU-R BT.601), and whether it was that.
fn read_nifti(
    path: &Path,
    options: &medio::nifti::ReadOptions,
) -> Result<(Volume<f32>, medio::nifti::Report, bool)> {
    let datatype = medio::nifti::open(path)?.report().datatype;
    if !matches!(datatype, DataType::Rgb24 | DataType::Rgba32) {
        let (volume, report) = medio::nifti::read_with(path, options)?;
        return Ok((volume, report, false));
    }
    let (color, report) = medio::nifti::read_color(path, options)?;
    let mut volume: Volume<f32> = color.red.cast();
    let channels = color.green.as_slice().iter().zip(color.blue.as_slice());
    for (value, (green, blue)) in volume.voxels_mut().iter_mut().zip(channels) {
        *value = 0.299 * *value + 0.587 * f32::from(*green) + 0.114 * f32::from(*blue);
    }
    Ok((volume, report, true))
}

fn nifti_notes(report: &medio::nifti::Report) -> Vec<String> {
    let mut notes = texts(&report.notes);
    if !matches!(report.transform, Transform::Sform { .. } | Transform::Qform { .. }) {
        notes.push("the file does not say how the patient lies: left and right are a guess".to_string());
    }
    if let Some(mm) = report.disagreement_mm.filter(|mm| *mm > 0.01) {
        notes.push(format!("sform and qform disagree by {mm:.2} mm; the sform is used"));
    }
    notes
}

fn texts(notes: &[impl ToString]) -> Vec<String> {
    notes.iter().map(ToString::to_string).collect()
}

fn read_dicom(path: &Path, number: Option<usize>) -> Result<Scan> {
    let study = medio::dicom::scan(path)?;
    let series = choose(path, &study, number)?;
    if series.kind() == SeriesKind::Segmentation {
        return read_segmentation(series);
    }
    let (volume, report) = series.load()?;
    let number = series.number().map_or_else(String::new, |n| format!(" series {n}"));
    let mut notes = findings(&report);
    if !study.skipped().is_empty() {
        notes.push(format!("{} files passed over", study.skipped().len()));
    }
    let modality = series.modality().to_string();
    let name = format!("DICOM {modality}{number}");
    Ok(Scan {
        volume,
        name,
        modality: Some(modality),
        notes,
        source: Some((series.clone(), report)),
        nifti: None,
    })
}

/// The segments as labels.
fn read_segmentation(series: &Series) -> Result<Scan> {
    let labels = series.segmentation()?.to_label_map()?;
    let notes =
        labels.labels().iter().map(|(number, label)| format!("label {number}: {}", label.name)).collect();
    let volume = labels.into_volume().cast();
    Ok(Scan {
        volume,
        modality: Some("SEG".into()),
        name: "DICOM segmentation".into(),
        notes,
        source: None,
        nifti: None,
    })
}

/// What is unusual about a series, without names of files.
pub fn findings(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |when: bool, text: String| {
        if when {
            notes.push(text);
        }
    };
    note(!report.duplicates.is_empty(), format!("{} positions with several images", report.duplicates.len()));
    if let Some(spacing) = &report.irregular_spacing {
        note(true, format!("irregular spacing: up to {:.2} mm off", spacing.largest_deviation_mm));
    }
    if let Some(tilt) = report.tilt_degrees {
        note(true, format!("gantry tilt of {tilt:.1} degrees"));
    }
    note(report.lossy_slices > 0, format!("{} slices were compressed with loss", report.lossy_slices));
    note(report.varying_rescale, "slices differ in rescale".to_string());
    note(report.padding_voxels > 0, format!("{} padding voxels", report.padding_voxels));
    note(report.monochrome1, "low values are meant to be bright".to_string());
    for assumed in &report.assumed {
        note(true, assumed.to_string());
    }
    notes
}

/// The series of a number, or the only one.
///
/// # Errors
/// [`Error::SeveralSeries`] and [`Error::NoSuchSeries`].
pub fn choose<'a>(path: &Path, study: &'a Study, number: Option<usize>) -> Result<&'a Series> {
    let count = study.series().len();
    let several = || Error::SeveralSeries { path: path.to_path_buf(), count, list: list(study) };
    match number {
        None if count == 1 => study.first().ok_or_else(several),
        None => Err(several()),
        Some(found) => {
            study.get(found).ok_or_else(|| Error::NoSuchSeries { path: path.to_path_buf(), count, found })
        }
    }
}

fn list(study: &Study) -> String {
    let line = |(index, series): (usize, &Series)| {
        let [slices, rows, columns] = series.size();
        format!("  {index}: {} {columns} x {rows} x {slices}", series.modality())
    };
    study.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}
