//! From an image or a scan to what is in it: masks, counts, areas and pictures.
//!
//! ```text
//! cargo run --release --bin segment                                    # nuclei of fixtures/, with the weights of fixtures/
//! cargo run --release --bin segment -- cells.png --flips --output out/cells
//! cargo run --release --bin segment -- cells.png --click 120,88        # the object at row 120, column 88
//! cargo run --release --bin segment -- scan.nii.gz --weights segformer/ --axis slices --axis rows --min-size 200
//! cargo run --release --bin segment -- dicom-folder/ --weights dinov2-small/ --trained prompts.safetensors
//! ```
//!
//! Takes PNG (grey, colour, opacity, palettes, 16 bits), JPEG, DICOM (a series or a single image), NIfTI, NRRD and MetaImage. Prints how many
//! objects there are and how large they are, in mm2 or mm3 where the file knows its spacing, and writes to the output folder:
//! `mask.png`, or `labels.nii.gz` with the geometry of a scan and, of DICOM, `labels.dcm`; `overlay.png`; `objects.csv`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use medburn_examples::device::DeviceArgs;
use medburn_examples::segment::{Job, Weights, interactions};
use medburn_examples::table::aligned;
use medburn_examples::{Result, exit};
use medprompt::inference::{Interaction, Plane};

/// Segments an image or a scan.
#[derive(Parser)]
struct Args {
    /// A PNG or JPEG file, a folder with a DICOM series, or a DICOM, NIfTI, NRRD or MetaImage file; without it, nuclei of fixtures/.
    input: Option<PathBuf>,
    /// Folder of a SegFormer (config.json, model.safetensors); with --trained, of a backbone. Without it, that for nuclei of fixtures/.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// File of what was trained on a backbone: prompts, LoRA, a decoder, all. It says how images were prepared.
    #[arg(long, requires = "weights")]
    trained: Option<PathBuf>,
    /// Folder to write to.
    #[arg(long, default_value = "out/segment")]
    output: PathBuf,
    /// Which series, where there are several.
    #[arg(long)]
    series: Option<usize>,
    /// For scans: the axis along which slices are taken, of the scan as it is stored. Given several times, probabilities are averaged.
    /// Without it, slices lie as those that the weights were trained on; else as stored.
    #[arg(long, value_enum)]
    axis: Vec<AxisName>,
    /// Also segments the three mirror images, and averages: a bit better, four times as slow.
    #[arg(long)]
    flips: bool,
    /// Linear layers of the encoder in 8 bits: faster on processors with AVX-512 and VNNI, smaller on every CPU, a little less exact.
    #[arg(long)]
    int8: bool,
    /// The least probability, from 0 to 1, of what is not background; without it, the most probable class wins.
    #[arg(long)]
    threshold: Option<f32>,
    /// Objects with fewer pixels or voxels are left out.
    #[arg(long, default_value_t = 16)]
    min_size: usize,
    /// Keeps the largest object of each class alone.
    #[arg(long)]
    largest: bool,
    /// Values that become 0 and 1, such as -160 240; by default as the weights were made for, or percentiles 1 and 99 of a scan.
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], allow_negative_numbers = true)]
    range: Option<Vec<f32>>,
    /// Side of the sliding windows in pixels of what the model sees; by default as the weights were made for.
    #[arg(long)]
    window: Option<usize>,
    /// Images stay at their own scale; by default they are resized as images were when the weights were trained, and what is found is
    /// resized back.
    #[arg(long)]
    native: bool,
    /// A pixel of the object that is meant.
    #[arg(long, value_name = "ROW,COLUMN")]
    click: Vec<String>,
    /// A pixel that is not of the object.
    #[arg(long, value_name = "ROW,COLUMN")]
    exclude: Vec<String>,
    /// A box around the object: its first pixel, and one past its last.
    #[arg(long = "box", value_name = "ROW,COLUMN,ROW,COLUMN")]
    boxes: Vec<String>,
    /// A line along the object: "ROW,COLUMN ROW,COLUMN ...".
    #[arg(long, value_name = "POINTS")]
    scribble: Vec<String>,
    /// Pixels of the superpixels that clicks, boxes and scribbles are snapped to.
    #[arg(long, default_value_t = 100)]
    superpixel: usize,
    /// A mask or label map of what should be found: prints the overlap.
    #[arg(long)]
    truth: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AxisName {
    /// Slices as stored.
    Slices,
    /// One slice for each row.
    Rows,
    /// One slice for each column.
    Columns,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    let job = job(args)?;
    let findings = job.run(opened.device())?;
    let mut rows = findings.rows();
    rows.push(["device".to_string(), opened.to_string()]);
    print!("{}", aligned(&rows));
    Ok(())
}

fn job(args: &Args) -> Result<Job> {
    let mut job = Job::new(args.output.clone());
    if let Some(input) = &args.input {
        job.input.clone_from(input);
    }
    job.weights = match (&args.weights, &args.trained) {
        (Some(backbone), Some(trained)) => {
            Weights::Trained { backbone: backbone.clone(), trained: trained.clone() }
        }
        (Some(folder), None) => Weights::Segformer(folder.clone()),
        _ => job.weights,
    };
    job.range = args.range.as_deref().and_then(|range| <[f32; 2]>::try_from(range).ok());
    job.planes = args.axis.iter().map(|axis| axis.plane()).collect();
    job.interactions = said(args)?;
    Ok(Job {
        series: args.series,
        window: args.window,
        native: args.native,
        flips: args.flips,
        threshold: args.threshold,
        min_size: args.min_size,
        largest_only: args.largest,
        int8: args.int8,
        superpixel_area: args.superpixel,
        truth: args.truth.clone(),
        ..job
    })
}

/// Clicks, boxes and scribbles.
fn said(args: &Args) -> Result<Vec<Interaction>> {
    let clicks = args.click.iter().map(|text| interactions::click(text));
    let excluded = args.exclude.iter().map(|text| interactions::exclude(text));
    let boxes = args.boxes.iter().map(|text| interactions::bounding_box(text));
    let scribbles = args.scribble.iter().map(|text| interactions::scribble(text));
    clicks.chain(excluded).chain(boxes).chain(scribbles).collect()
}

impl AxisName {
    const fn plane(self) -> Plane {
        match self {
            Self::Slices => Plane::Slices,
            Self::Rows => Plane::Rows,
            Self::Columns => Plane::Columns,
        }
    }
}
