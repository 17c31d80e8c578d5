//! A scan from a path of any kind.

use std::io::Read;
use std::path::Path;

use medcore::Volume;
use medio::dicom::{Report, Series, Study};

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

/// Reads a folder with a DICOM series, a DICOM file or a NIfTI file; told apart by content. `series` chooses among several.
///
/// # Errors
/// [`Error::File`]; [`Error::SeveralSeries`] and [`Error::NoSuchSeries`].
pub fn read(path: &Path, series: Option<usize>) -> Result<Scan> {
    if path.is_file() && is_nifti(path)? { read_nifti(path) } else { read_dicom(path, series) }
}

/// NIfTI begins with the length of its header, 348 or 540 in either byte order; a compressed file can be nothing else here.
fn is_nifti(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(4).read_to_end(&mut start))
        .map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    let lengths = [348i32, 540].into_iter().flat_map(|n| [n.to_le_bytes(), n.to_be_bytes()]);
    Ok(start.starts_with(&[0x1f, 0x8b]) || lengths.into_iter().any(|n| start == n))
}

fn read_nifti(path: &Path) -> Result<Scan> {
    let (volume, report) = medio::nifti::read_with(path, &Default::default())?;
    let notes = report.notes.iter().map(ToString::to_string).collect();
    // File names may be names of patients.
    Ok(Scan { volume, modality: None, name: "NIfTI".to_string(), notes })
}

fn read_dicom(path: &Path, number: Option<usize>) -> Result<Scan> {
    let study = medio::dicom::scan(path)?;
    let series = choose(path, &study, number)?;
    let (volume, report) = series.load()?;
    let number = series.number().map_or_else(String::new, |n| format!(" series {n}"));
    let mut notes = findings(&report);
    if !study.skipped().is_empty() {
        notes.push(format!("{} files passed over", study.skipped().len()));
    }
    let modality = series.modality().to_string();
    Ok(Scan { volume, name: format!("DICOM {modality}{number}"), modality: Some(modality), notes })
}

/// What is unusual about a series, without names of files.
fn findings(report: &Report) -> Vec<String> {
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
    note(!report.assumed.is_empty(), format!("{} attributes assumed", report.assumed.len()));
    notes
}

fn choose<'a>(path: &Path, study: &'a Study, number: Option<usize>) -> Result<&'a Series> {
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
