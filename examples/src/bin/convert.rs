//! From any format to any other, resampled and turned on the way.
//!
//! ```text
//! cargo run --release --bin convert                                          # the chest CT of fixtures/ to out/convert/volume.nii.gz
//! cargo run --release --bin convert -- dicom-folder/ ct.nii.gz               # with ct.json beside it, after BIDS
//! cargo run --release --bin convert -- ct.nii.gz ct.nrrd --spacing 1 --orientation RAS
//! cargo run --release --bin convert -- ct.nii.gz derived/ --template dicom-folder/   # a DICOM series of the same study
//! cargo run --release --bin convert -- labels.nrrd labels.nii.gz --labels --like ct.nii.gz
//! cargo run --release --bin convert -- labels.nii.gz labels.dcm --labels --template dicom-folder/    # a DICOM segmentation
//! ```
//!
//! The name of the output says the format: `.nii`, `.nii.gz`, `.hdr`, `.nrrd`, `.nhdr`, `.mha`, `.mhd`; `.dcm` is a DICOM segmentation;
//! any other name is a folder for a DICOM series. The order of the operations is: turned, resampled (or brought to the grid of another file), stored. Prints
//! what was read and what was written, and where the two differ.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use medburn_examples::input::{Scan, read};
use medburn_examples::{Error, Result, exit, fixtures, sidecar};
use medcore::{Geometry, Interpolation, LabelMap, Spacing, Volume};
use medio::dicom::NewSeries;
use medio::dicom::derived::{DerivedOptions, ImageClass, NewStudy, write_series, write_study};
use medio::dicom::seg::{self, SegOptions};

/// Converts a volume.
#[derive(Parser)]
struct Args {
    /// A folder or archive with a DICOM series, or a DICOM, NIfTI, NRRD or MetaImage file; without it, the chest CT of fixtures/.
    input: Option<PathBuf>,
    /// The file to write, or a new folder for a DICOM series.
    #[arg(default_value = "out/convert/volume.nii.gz")]
    output: PathBuf,
    /// Which series, where there are several.
    #[arg(long)]
    series: Option<usize>,
    /// The directions in which columns, rows and slices ascend, such as LPS or RAS.
    #[arg(long)]
    orientation: Option<String>,
    /// New spacing in mm: one number, or three for columns, rows and slices.
    #[arg(long, num_args = 1..=3, conflicts_with = "like")]
    spacing: Vec<f64>,
    /// A file or folder whose grid is taken over; what is outside becomes the lowest value.
    #[arg(long)]
    like: Option<PathBuf>,
    /// How values between voxels are found.
    #[arg(long, default_value = "linear")]
    interpolation: Between,
    /// The values are labels: nearest neighbours, stored as whole numbers.
    #[arg(long)]
    labels: bool,
    /// The number type to store; by default the smallest that holds all values exactly.
    #[arg(long)]
    store: Option<Stored>,
    /// For DICOM: the series that the volume comes from, whose study it joins.
    #[arg(long)]
    template: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Between {
    Nearest,
    Linear,
    Cubic,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Stored {
    U8,
    I16,
    U16,
    I32,
    F32,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let input = args.input.clone().unwrap_or_else(fixtures::chest_ct);
    let scan = read(&input, args.series)?;
    println!("read      {}, {}", scan.name, describe(scan.volume.geometry()));
    for note in &scan.notes {
        println!("note      {note}");
    }
    let volume = transformed(&scan.volume, args)?;
    let stored = args.store.unwrap_or_else(|| smallest(&volume));
    if let Some(folder) = args.output.parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
    }
    if is_file_format(&args.output) {
        write_file(&args.output, &volume, stored)?;
        write_sidecar(&args.output, &scan)?;
    } else if args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("dcm")) {
        write_segmentation(args, &volume)?;
    } else {
        write_dicom(args, &volume, &scan)?;
    }
    println!("written   {}, {}, {stored:?}", args.output.display(), describe(volume.geometry()));
    Ok(())
}

fn describe(g: &Geometry) -> String {
    let ([slices, rows, columns], s) = (g.size(), g.spacing());
    let spacing = format!("{:.3} x {:.3} x {:.3} mm", s.column, s.row, s.slice);
    format!("{columns} x {rows} x {slices} voxels of {spacing}, {}", g.orientation())
}

fn transformed(volume: &Volume<f32>, args: &Args) -> Result<Volume<f32>> {
    let interpolation = match args.interpolation {
        _ if args.labels => Interpolation::Nearest,
        Between::Nearest => Interpolation::Nearest,
        Between::Linear => Interpolation::Linear,
        Between::Cubic => Interpolation::Cubic,
    };
    let turned = match &args.orientation {
        Some(code) => volume.reorient(code.as_str())?,
        None => volume.clone(),
    };
    if let Some(like) = &args.like {
        let grid = *read(like, None)?.volume.geometry();
        let outside = turned.min_max().map_or(0.0, |(low, _)| low);
        return Ok(turned.resample_to(&grid, interpolation, outside)?);
    }
    let spacing = match args.spacing[..] {
        [] => return Ok(turned),
        [all] => Spacing::isotropic(all),
        [column, row, slice] => Spacing::new(column, row, slice),
        _ => {
            return Err(Error::Unfit {
                what: "--spacing",
                expected: "one number or three".into(),
                found: args.spacing.len().to_string(),
            });
        }
    };
    Ok(turned.resample(spacing, interpolation)?)
}

/// The smallest number type that holds all values exactly.
fn smallest(volume: &Volume<f32>) -> Stored {
    let all =
        |low: f32, high: f32| volume.as_slice().iter().all(|v| v.fract() == 0.0 && (low..=high).contains(v));
    if all(0.0, 255.0) {
        Stored::U8
    } else if all(-32768.0, 32767.0) {
        Stored::I16
    } else if all(0.0, 65535.0) {
        Stored::U16
    } else {
        Stored::F32
    }
}

fn is_file_format(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    [".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz", ".nrrd", ".nhdr", ".mha", ".mhd"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn write_file(path: &Path, volume: &Volume<f32>, stored: Stored) -> Result<()> {
    match stored {
        Stored::U8 => medio::write(path, &volume.cast::<u8>())?,
        Stored::I16 => medio::write(path, &volume.cast::<i16>())?,
        Stored::U16 => medio::write(path, &volume.cast::<u16>())?,
        Stored::I32 => medio::write(path, &volume.cast::<i32>())?,
        Stored::F32 => medio::write(path, volume)?,
    }
    Ok(())
}

/// NIfTI has no place for how the scan was made.
fn write_sidecar(path: &Path, scan: &Scan) -> Result<()> {
    let is_nifti = path.to_string_lossy().contains(".nii");
    let Some((series, report)) = scan.source.as_ref().filter(|_| is_nifti) else { return Ok(()) };
    let json = sidecar::path_beside(path);
    sidecar::write(&json, &sidecar::of(series, report)?)?;
    println!("written   {}", json.display());
    Ok(())
}

/// Labels, beside the series that they were found in.
fn write_segmentation(args: &Args, volume: &Volume<f32>) -> Result<()> {
    let needs = |found: &str| Error::Unfit {
        what: "a DICOM segmentation",
        expected: "--labels and a DICOM series as --template".into(),
        found: found.into(),
    };
    let template = args.template.as_ref().filter(|_| args.labels).ok_or_else(|| needs("less"))?;
    let (series, _) =
        read(template, args.series)?.source.ok_or_else(|| needs("a template that is no DICOM"))?;
    let labels = LabelMap::from_volume(volume)?;
    let segments = seg::write(&args.output, &labels, &series, &SegOptions::new())?;
    println!("          {} segments", segments.len());
    Ok(())
}

fn write_dicom(args: &Args, volume: &Volume<f32>, scan: &Scan) -> Result<()> {
    let template = match &args.template {
        Some(path) => read(path, args.series)?.source.map(|(series, _)| series),
        None => scan.source.as_ref().map(|(series, _)| series.clone()),
    };
    let options = DerivedOptions::new().series(NewSeries::new("converted").number(1000));
    let files = match template {
        Some(series) => write_series(&args.output, volume, &series, &options)?,
        None => {
            let class = if scan.is_ct() { ImageClass::Ct } else { ImageClass::SecondaryCapture };
            write_study(&args.output, volume, &NewStudy::new(), &options.class(class))?
        }
    };
    println!("          {} files", files.len());
    Ok(())
}
