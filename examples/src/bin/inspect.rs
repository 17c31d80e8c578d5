//! What is in a folder: every series with its volumes and images, what was passed over, what is unusual, and pictures.
//!
//! ```text
//! cargo run --release --bin inspect                            # the chest CT of fixtures/
//! cargo run --release --bin inspect -- study/                  # a folder, a zip archive or a file
//! cargo run --release --bin inspect -- scan.nii.gz --output out/scan
//! cargo run --release --bin inspect -- study/ --no-pixels      # headers only
//! ```
//!
//! Prints a table of the series, the files that are in none with the reason, and for each series what is unusual and its range of
//! values, or the labels and their volumes. Writes one PNG per series to the output folder: three orthogonal views of a volume with
//! orientation letters and a scale in mm, label maps in colours; the images of anything else. Neither the tables nor the pictures name a patient; what is burnt into pixels stays.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use medburn_examples::input::{Scan, findings, read, read_part};
use medburn_examples::labels::{as_labels, lines};
use medburn_examples::orthogonal::{label_views, percentile_window, views};
use medburn_examples::picture::{Canvas, Mosaic, Tile, evenly_spaced, fit_within, resize_linear_rgb};
use medburn_examples::table::aligned;
use medburn_examples::{Error, Result, exit, fixtures, progress};
use medcore::{Image, LabelMap, Spacing, Window};
use medio::Format;
use medio::dicom::seg::Overlap;
use medio::dicom::{Series, SeriesKind, SkipReason, Study};
use ndarray::Array3;

/// Longest side of a view in pixels.
const VIEW: usize = 360;
/// How many images of a sequence are shown, and in how many columns.
const SHOWN: usize = 8;
const COLUMNS: usize = 4;
/// Longest side of one of them in pixels.
const TILE: usize = 240;

/// Shows what is in a folder or file.
#[derive(Parser)]
struct Args {
    /// A folder, zip archive or file: DICOM, NIfTI, NRRD or MetaImage; without it, the chest CT of fixtures/.
    input: Option<PathBuf>,
    /// Folder to write pictures to.
    #[arg(long, default_value = "out/inspect")]
    output: PathBuf,
    /// Only what the headers say: no pixels are read and nothing is written.
    #[arg(long)]
    no_pixels: bool,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let input = args.input.clone().unwrap_or_else(fixtures::chest_ct);
    if !args.no_pixels {
        std::fs::create_dir_all(&args.output)
            .map_err(|source| Error::Io { path: args.output.clone(), source })?;
    }
    if Format::of(&input)? == Format::Dicom {
        inspect_dicom(&input, args)?;
    } else {
        inspect_file(&input, args)?;
    }
    if !args.no_pixels {
        println!("\npictures: {}", args.output.display());
    }
    Ok(())
}

fn inspect_file(input: &Path, args: &Args) -> Result<()> {
    let scan = match read(input, None) {
        // Of several volumes the first is shown.
        Err(Error::File(medio::Error::Unsupported {
            what: "several volumes in one file:", found, ..
        })) => {
            println!("several volumes: {found}; this is the first");
            read_part(input, None, Some(0))?
        }
        other => other?,
    };
    let g = scan.volume.geometry();
    println!("{}: {} voxels, {}, {}", scan.name, size(g.size()), spacing(Some(g.spacing())), g.orientation());
    let path = args.output.join("volume.png");
    match as_labels(&scan.volume) {
        Some(labels) => {
            // Names, where the format has any.
            let labels = medio::read_labels(input).unwrap_or(labels);
            lines(&labels).iter().for_each(|line| println!("  {line}"));
            print_notes(&scan.notes);
            if args.no_pixels { Ok(()) } else { draw_labels(&scan.name, &labels, &path) }
        }
        None => {
            describe_values(&scan);
            if args.no_pixels { Ok(()) } else { draw_volume(&scan, &path) }
        }
    }
}

fn inspect_dicom(input: &Path, args: &Args) -> Result<()> {
    let study = scan(input)?;
    print_series(&study);
    print_skipped(&study);
    if args.no_pixels {
        return Ok(());
    }
    let bar = progress::bar(study.len(), "series");
    let mut failed = None;
    let mut failures = 0;
    for (number, series) in study.iter().enumerate() {
        // One series that cannot be read says so and does not hide the others.
        if let Err(error) = bar.suspend(|| inspect_series(number, series, &args.output)) {
            bar.suspend(|| println!("  not readable: {error}"));
            failures += 1;
            failed = Some(error);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    match failed {
        Some(error) if failures == study.len() => Err(error),
        _ => Ok(()),
    }
}

/// Reads the headers with a progress bar.
fn scan(input: &Path) -> Result<Study> {
    let bar = progress::bar(0, "files");
    let study = medio::dicom::scan_with(input, &|progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    Ok(study?)
}

fn print_series(study: &Study) {
    let heading =
        ["#", "series", "modality", "kind", "columns x rows x slices", "spacing in mm", "toward", "apart by"];
    let mut rows = vec![heading.map(String::from)];
    for (number, series) in study.iter().enumerate() {
        let kind = match series.kind() {
            SeriesKind::Volume => "volume",
            SeriesKind::Projection => "image",
            SeriesKind::Sequence => "sequence",
            SeriesKind::Segmentation => "segmentation",
            _ => "other",
        };
        rows.push([
            number.to_string(),
            series.number().map(|n| n.to_string()).unwrap_or_default(),
            series.modality().to_string(),
            kind.to_string(),
            size(series.size()),
            spacing(series.spacing()),
            series.orientation().map(|o| o.to_string()).unwrap_or_default(),
            apart(series),
        ]);
    }
    print!("{}", aligned(&rows));
}

/// Whether the images have a place in the patient.
fn is_placed(series: &Series) -> bool {
    series.kind() == SeriesKind::Volume
}

fn size([slices, rows, columns]: [usize; 3]) -> String {
    format!("{columns} x {rows} x {slices}")
}

fn spacing(spacing: Option<Spacing>) -> String {
    spacing.map(|s| format!("{:.3} x {:.3} x {:.3}", s.column, s.row, s.slice)).unwrap_or_default()
}

/// What tells a volume from the others of its series.
fn apart(series: &Series) -> String {
    let names: Vec<String> = series.split().iter().map(|s| format!("{:?} {}", s.by, s.value)).collect();
    names.join(", ")
}

fn print_skipped(study: &Study) {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for skipped in study.skipped() {
        let reason = match &skipped.reason {
            // Counted together, whatever they are copies of.
            SkipReason::SameInstance { same_length: true, .. } => "a copy of another file".to_string(),
            SkipReason::SameInstance { .. } => {
                "the same instance as another file, of another length".to_string()
            }
            reason => reason.to_string(),
        };
        *reasons.entry(reason).or_default() += 1;
    }
    if !reasons.is_empty() {
        println!("\npassed over:");
    }
    for (reason, count) in reasons {
        println!("{count:6}  {reason}");
    }
}

fn inspect_series(number: usize, series: &Series, output: &Path) -> Result<()> {
    println!("\nseries {number}");
    if series.kind() == SeriesKind::Segmentation {
        return inspect_segments(series, &output.join(format!("series-{number}.png")));
    }
    let path = output.join(format!("series-{number}.png"));
    match is_placed(series).then(|| series.load()) {
        Some(Ok((volume, report))) => {
            let modality = series.modality().to_string();
            let name = format!("{modality}, {} slices", volume.size()[0]);
            let notes = findings(&report);
            let scan = Scan { volume, modality: Some(modality), name, notes, source: None, nifti: None };
            describe_values(&scan);
            // One slice seen from its edge shows nothing.
            if scan.volume.size()[0] == 1 { draw_images(series, &path) } else { draw_volume(&scan, &path) }
        }
        // Colour is shown, if not as a volume.
        Some(Err(medio::Error::NotAVolume { .. })) | None => draw_images(series, &path),
        Some(Err(error)) => {
            println!("  not as one volume: {error}");
            draw_images(series, &path)
        }
    }
}

/// Names and volumes of the segments, which may overlap; in the picture the first of them is on top.
fn inspect_segments(series: &Series, path: &Path) -> Result<()> {
    let segmentation = series.segmentation()?;
    let voxel_ml = segmentation.geometry().spacing().voxel_volume() / 1e3;
    for segment in segmentation.segments() {
        let mask = segmentation.mask(segment.number)?;
        let voxels = mask.as_slice().iter().filter(|v| **v > 0).count();
        println!(
            "  {} {}: {voxels} voxels, {:.2} ml",
            segment.number,
            segment.name,
            voxels as f64 * voxel_ml
        );
    }
    draw_labels("segmentation", &segmentation.to_label_map_with(Overlap::First)?, path)
}

fn draw_labels(name: &str, labels: &LabelMap, path: &Path) -> Result<()> {
    let tiles = label_views(labels, VIEW)?;
    let count = labels.counts().keys().filter(|label| **label > 0).count();
    let title = format!("{name}: {count} labels");
    Mosaic { title, columns: tiles.len(), ..Mosaic::default() }.draw(&tiles)?.write_png(path)?;
    Ok(())
}

fn describe_values(scan: &Scan) {
    let voxels = scan.volume.as_slice();
    let sum: f64 = voxels.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v)).sum();
    match scan.volume.min_max() {
        Some((low, high)) => println!("  values {low} to {high}, mean {:.3}", sum / voxels.len() as f64),
        None => println!("  no values"),
    }
    print_notes(&scan.notes);
}

fn print_notes(notes: &[String]) {
    for note in notes {
        println!("  {note}");
    }
    if notes.is_empty() {
        println!("  nothing unusual");
    }
}

fn draw_volume(scan: &Scan, path: &Path) -> Result<()> {
    let window = if scan.is_ct() { Window::SOFT_TISSUE } else { percentile_window(&scan.volume) };
    let tiles = views(&scan.volume, window, VIEW)?;
    let title = format!("{}: window {:.0} +- {:.0}", scan.name, window.center(), window.width() / 2.0);
    Mosaic { title, columns: tiles.len(), ..Mosaic::default() }.draw(&tiles)?.write_png(path)?;
    Ok(())
}

/// Images as they are meant to be shown, evenly spaced over a sequence.
fn draw_images(series: &Series, path: &Path) -> Result<()> {
    let times = series.frame_times();
    let mut tiles = Vec::new();
    for k in evenly_spaced(series.frames(), SHOWN) {
        let caption = match times.as_ref().and_then(|times| times.get(k)) {
            Some(ms) => format!("image {k}, {ms:.0} ms"),
            None => format!("image {k}"),
        };
        tiles.push(Tile::picture(&picture(&series.display_image(k)?)?, caption));
    }
    let modality = if series.modality().is_empty() { "unknown modality" } else { series.modality() };
    let title = format!("{modality}: {} of {} images", tiles.len(), series.frames());
    println!("  {title}");
    Mosaic { title, columns: COLUMNS, ..Mosaic::default() }.draw(&tiles)?.write_png(path)?;
    Ok(())
}

/// In true proportions, with a scale where the spacing is known.
fn picture(image: &Image<u8>) -> Result<Canvas> {
    let (channels, rows, columns) = image.pixels().dim();
    let rgb = Array3::from_shape_fn([rows, columns, 3], |(row, column, color)| {
        image.pixels()[[color.min(channels - 1), row, column]]
    });
    let known = image.spacing().map(|s| [s.row, s.column]);
    let [height, width] = fit_within([rows, columns], known.unwrap_or([1.0, 1.0]), TILE);
    let mut canvas = Canvas::new(width, height, [0; 3])?;
    canvas.blit_rgb(0, 0, &resize_linear_rgb(&rgb.view(), [height, width])?.view())?;
    if let Some([_, between_columns]) = known {
        canvas.scale_bar(between_columns * columns as f64 / width as f64, 1);
    }
    Ok(canvas)
}
