//! From any format to any other, resampled and turned on the way.
//!
//! ```text
//! cargo run --release --bin convert                                          # the chest CT of fixtures/ to out/convert/volume.nii.gz
//! cargo run --release --bin convert -- dicom-folder/ ct.nii.gz               # with ct.json beside it, after BIDS
//! cargo run --release --bin convert -- ct.nii.gz ct.nrrd --spacing 1 --orientation RAS
//! cargo run --release --bin convert -- ct.nii.gz derived --template dicom-folder/   # a DICOM series of the same study
//! cargo run --release --bin convert -- labels.nrrd labels.nii.gz --labels --like ct.nii.gz
//! cargo run --release --bin convert -- labels.nii.gz labels.dcm --labels --template dicom-folder/    # a DICOM segmentation
//! ```
//!
//! The name of the output says the format: `.nii`, `.nii.gz`, `.hdr`, `.nrrd`, `.nhdr`, `.mha`, `.mhd`; `.dcm` is a DICOM segmentation;
//! a name without extension is a folder for a DICOM series. The order of the operations is: turned, resampled (or brought to the grid of another file), stored. Prints
//! what was read and what was written, and by how much the stored values differ from those read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use medburn_examples::input::{Scan, read, read_part};
use medburn_examples::{Error, Result, exit, fixtures, sidecar};
use medcore::{Geometry, Interpolation, LabelMap, Scalar, Spacing, Volume};
use medio::dicom::NewSeries;
use medio::dicom::derived::{DerivedOptions, ImageClass, NewStudy, write_series, write_study};
use medio::dicom::seg::{self, SegOptions};
use medio::nifti::WriteOptions;

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
    /// Which volume of a file with several, counted from 0.
    #[arg(long)]
    volume: Option<usize>,
    /// The directions in which columns, rows and slices ascend, such as LPS or RAS.
    #[arg(long)]
    orientation: Option<String>,
    /// New spacing in mm: one number, or three for columns, rows and slices as in 1,1,2.5.
    #[arg(long, value_delimiter = ',', conflicts_with = "like")]
    spacing: Vec<f64>,
    /// A file or folder whose grid is taken over; what is outside becomes the lowest value.
    #[arg(long)]
    like: Option<PathBuf>,
    /// How values between voxels are found.
    #[arg(long, default_value = "linear")]
    interpolation: Between,
    /// The values are labels: nearest neighbours, stored as whole numbers with their names where the format has any.
    #[arg(long)]
    labels: bool,
    /// The number type to store; by default the smallest that holds all values exactly.
    #[arg(long)]
    store: Option<Stored>,
    /// For DICOM: the series that the volume comes from, whose study it joins.
    #[arg(long)]
    template: Option<PathBuf>,
    /// For DICOM without such a series: what kind of images they become.
    #[arg(long, default_value = "other")]
    modality: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Ct,
    Mr,
    Other,
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
    if let Some(folder) = args.output.parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
    }
    if args.labels { convert_labels(&input, args) } else { convert_values(&input, args) }
}

fn convert_values(input: &Path, args: &Args) -> Result<()> {
    let target = Target::of(&args.output)?;
    let scan = read_part(input, args.series, args.volume)?;
    println!("read      {}, {}", scan.name, describe(scan.volume.geometry()));
    for note in &scan.notes {
        println!("note      {note}");
    }
    let volume = transformed(&scan.volume, args)?;
    match target {
        Target::File => {
            let stored = args.store.unwrap_or_else(|| smallest(&volume));
            write_file(&args.output, &volume, stored, &scan)?;
            write_sidecar(&args.output, &scan)?;
            println!("stored    as {stored:?}");
        }
        Target::Series => write_dicom(args, &volume, &scan)?,
        Target::Segmentation => return Err(no_segmentation("values")),
    }
    println!("written   {}, {}", args.output.display(), describe(volume.geometry()));
    Ok(())
}

fn convert_labels(input: &Path, args: &Args) -> Result<()> {
    let target = Target::of(&args.output)?;
    let labels = medio::read_labels(input)?;
    let count = labels.counts().keys().filter(|label| **label != 0).count();
    println!("read      {count} labels, {}", describe(labels.geometry()));
    let labels = transformed_labels(&labels, args)?;
    match target {
        Target::File => medio::write_labels(&args.output, &labels)?,
        Target::Segmentation => write_segmentation(args, &labels)?,
        Target::Series => write_dicom(args, &labels.volume().cast(), &read_part(input, None, None)?)?,
    }
    for (number, label) in labels.labels() {
        println!("label     {number}: {}", label.name);
    }
    println!("written   {}, {}", args.output.display(), describe(labels.geometry()));
    Ok(())
}

/// What the name of the output asks for.
enum Target {
    File,
    Segmentation,
    Series,
}

impl Target {
    fn of(path: &Path) -> Result<Self> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        let files =
            [".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz", ".nrrd", ".nhdr", ".mha", ".mhd"];
        if files.iter().any(|end| name.ends_with(end)) {
            return Ok(Self::File);
        }
        match path.extension() {
            Some(_) if name.ends_with(".dcm") => Ok(Self::Segmentation),
            // A folder that is there may have any name.
            Some(_) if !path.is_dir() => Err(Error::Unfit {
                what: "output",
                expected: format!("a folder, .dcm, or one of {}", files.join(", ")),
                found: path.display().to_string(),
            }),
            _ => Ok(Self::Series),
        }
    }
}

fn describe(g: &Geometry) -> String {
    let ([slices, rows, columns], s) = (g.size(), g.spacing());
    let spacing = format!("{:.3} x {:.3} x {:.3} mm", s.column, s.row, s.slice);
    format!("{columns} x {rows} x {slices} voxels of {spacing}, {}", g.orientation())
}

fn transformed(volume: &Volume<f32>, args: &Args) -> Result<Volume<f32>> {
    let interpolation = match args.interpolation {
        Between::Nearest => Interpolation::Nearest,
        Between::Linear => Interpolation::Linear,
        Between::Cubic => Interpolation::Cubic,
    };
    let turned = match &args.orientation {
        Some(code) => volume.reorient(code.as_str())?,
        None => volume.clone(),
    };
    if let Some(like) = &args.like {
        let outside = turned.min_max().map_or(0.0, |(low, _)| low);
        return Ok(turned.resample_to(&grid_of(like)?, interpolation, outside)?);
    }
    match spacing(args)? {
        Some(spacing) => Ok(turned.resample(spacing, interpolation)?),
        None => Ok(turned),
    }
}

fn transformed_labels(labels: &LabelMap, args: &Args) -> Result<LabelMap> {
    let turned = match &args.orientation {
        Some(code) => labels.reorient(code.as_str())?,
        None => labels.clone(),
    };
    if let Some(like) = &args.like {
        return Ok(turned.resample_to(&grid_of(like)?)?);
    }
    match spacing(args)? {
        Some(spacing) => Ok(turned.resample(spacing)?),
        None => Ok(turned),
    }
}

fn grid_of(path: &Path) -> Result<Geometry> {
    Ok(*read(path, None)?.volume.geometry())
}

fn spacing(args: &Args) -> Result<Option<Spacing>> {
    match args.spacing[..] {
        [] => Ok(None),
        [all] => Ok(Some(Spacing::isotropic(all))),
        [column, row, slice] => Ok(Some(Spacing::new(column, row, slice))),
        _ => Err(Error::Unfit {
            what: "--spacing",
            expected: "one number or three".into(),
            found: args.spacing.len().to_string(),
        }),
    }
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

/// Stores the values as a number type, and says what that changed.
fn write_file(path: &Path, volume: &Volume<f32>, stored: Stored, scan: &Scan) -> Result<()> {
    match stored {
        Stored::U8 => write_as::<u8>(path, volume, scan),
        Stored::I16 => write_as::<i16>(path, volume, scan),
        Stored::U16 => write_as::<u16>(path, volume, scan),
        Stored::I32 => write_as::<i32>(path, volume, scan),
        Stored::F32 => write_as::<f32>(path, volume, scan),
    }
}

fn write_as<T: Scalar>(path: &Path, volume: &Volume<f32>, scan: &Scan) -> Result<()> {
    let stored = volume.cast::<T>();
    let differences =
        volume.as_slice().iter().zip(stored.as_slice()).map(|(a, b)| (f64::from(*a) - b.to_f64()).abs());
    let (changed, most) =
        differences.fold((0usize, 0.0f64), |(n, most), d| (n + usize::from(d > 0.0), most.max(d)));
    if changed > 0 {
        println!("note      {changed} values changed when stored as {}, by up to {most}", T::NAME);
    }
    match &scan.nifti {
        // What the coordinates are aligned to, and extensions, stay.
        Some(report) if is_nifti(path) => {
            medio::nifti::write_with(path, &stored, &WriteOptions::like(report))?;
        }
        _ => medio::write(path, &stored)?,
    }
    Ok(())
}

fn is_nifti(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    [".nii", ".hdr", ".img"].iter().any(|end| name.ends_with(end) || name.ends_with(&format!("{end}.gz")))
}

/// NIfTI has no place for how the scan was made.
fn write_sidecar(path: &Path, scan: &Scan) -> Result<()> {
    let Some((series, report)) = scan.source.as_ref().filter(|_| is_nifti(path)) else { return Ok(()) };
    let json = sidecar::path_beside(path);
    sidecar::write(&json, &sidecar::of(series, report)?)?;
    println!("written   {}", json.display());
    Ok(())
}

/// Labels, beside the series that they were found in.
fn write_segmentation(args: &Args, labels: &LabelMap) -> Result<()> {
    let template = args.template.as_ref().ok_or_else(|| no_segmentation("no template"))?;
    let (series, _) =
        read(template, args.series)?.source.ok_or_else(|| no_segmentation("a template of another format"))?;
    let segments = seg::write(&args.output, labels, &series, &SegOptions::new())?;
    println!("          {} segments", segments.len());
    Ok(())
}

fn no_segmentation(found: &str) -> Error {
    Error::Unfit {
        what: "a DICOM segmentation",
        expected: "--labels and a DICOM series as --template".into(),
        found: found.into(),
    }
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
            let class = match args.modality {
                Kind::Ct => ImageClass::Ct,
                Kind::Mr => ImageClass::Mr,
                Kind::Other => ImageClass::SecondaryCapture,
            };
            write_study(&args.output, volume, &NewStudy::new(), &options.class(class))?
        }
    };
    println!("          {} files", files.len());
    Ok(())
}
