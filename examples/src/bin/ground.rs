//! Phrases to boxes: where in a radiograph is what a phrase names, and what is not there at all.
//!
//! ```text
//! cargo run --release --bin ground                                       # the chest radiograph of fixtures/
//! cargo run --release --bin ground -- chest.dcm "left lung" heart        # DICOM, PNG, a slice of NIfTI, NRRD or MetaImage
//! cargo run --release --bin ground -- chest.dcm --report report.txt      # each sentence of a report
//! cargo run --release --bin ground -- chest.png --weights grounder/ "right pleural effusion"
//! ```
//!
//! Prints a table (phrase, score, box in pixels and in mm) and writes to the output folder:
//! - `overlay.png`: the image with the boxes
//! - `findings.json`: all phrases with their scores and boxes
//! - `report.dcm`: a DICOM measurement report (TID 1500) whose rectangles are on the image, for DICOM images
//!
//! Phrases whose boxes do not reach `--threshold` are refused. The weights of fixtures know lungs, their zones, the heart with the
//! mediastinum, and the airways, on frontal radiographs; all else they refuse, whether it is there or not. A view that the file
//! calls lateral is refused unless `--any-view` is given; a photograph in colour always is.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use medburn_examples::device::DeviceArgs;
use medburn_examples::ground::{
    GroundedPhrase, PHRASES, Plane, Radiograph, RadiographOptions, ground_phrases, ground_report, overlay,
    table, with_threshold, write_json, write_report,
};
use medburn_examples::{Error, Result, exit, fixtures};
use medground::PhraseGrounder;

/// Finds what phrases name in a radiograph.
#[derive(Parser)]
struct Args {
    /// A DICOM file or folder, a PNG file, or a NIfTI, NRRD or MetaImage volume; without it, the chest radiograph of fixtures/.
    image: Option<PathBuf>,
    /// What to look for; without phrases or a report, a few that are there and a few that are not.
    phrases: Vec<String>,
    /// A text whose sentences are looked for, one after another.
    #[arg(long, conflicts_with = "phrases")]
    report: Option<PathBuf>,
    /// Folder of a grounder: config.json, model.safetensors, tokenizer.json, image_preprocessor.json.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Boxes with a lower score, 0 to 1, are left out.
    #[arg(long, default_value_t = 0.5)]
    threshold: f64,
    /// Linear layers in 8 bits, but for those that make boxes and scores: faster on processors with AVX-512 and VNNI, smaller on every CPU, a
    /// little less exact.
    #[arg(long)]
    int8: bool,
    /// Folder to write to.
    #[arg(long, default_value = "out/ground")]
    output: PathBuf,
    /// Which DICOM series, where there are several.
    #[arg(long)]
    series: Option<usize>,
    /// Which image of a series, or slice of a volume, from 0.
    #[arg(long)]
    frame: Option<usize>,
    /// How volumes are cut.
    #[arg(long, value_enum, default_value_t = Plane::Axial)]
    plane: Plane,
    /// Takes views that are not frontal, too.
    #[arg(long)]
    any_view: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    let input = args.image.clone().unwrap_or_else(fixtures::chest_xray);
    let options = RadiographOptions {
        series: args.series,
        frame: args.frame,
        plane: args.plane,
        any_view: args.any_view,
    };
    let radiograph = Radiograph::read(&input, options)?;
    let weights = args.weights.clone().unwrap_or_else(fixtures::grounder);
    let grounder = PhraseGrounder::from_pretrained(&weights, opened.device())?;
    let scores = grounder.model().scores_boxes();
    let mut grounder = with_threshold(grounder, args.threshold)?;
    if args.int8 {
        let (rounded, report) = grounder.into_int8(|path| !path.contains("head"));
        grounder = rounded;
        println!("int8         {report}");
    }

    let started = Instant::now();
    let grounded = ground(args, &grounder, &radiograph)?;
    let seconds = started.elapsed().as_secs_f64();
    std::fs::create_dir_all(&args.output)
        .map_err(|source| Error::Io { path: args.output.clone(), source })?;

    let image = &radiograph.image;
    println!("image        {}, {} x {} pixels", radiograph.name, image.width(), image.height());
    println!("device       {opened}");
    println!("grounded     {} phrases in {:.0} ms", grounded.len(), 1e3 * seconds);
    for note in &radiograph.notes {
        println!("note         {note}");
    }
    if !scores {
        println!("note         this model does not score its boxes: it refuses nothing");
    }
    print!("\n{}\n", table(&grounded));
    overlay(&radiograph, &grounded)?.write_png(args.output.join("overlay.png"))?;
    write_json(&args.output.join("findings.json"), &radiograph, &grounded, args.threshold)?;
    if !write_report(&args.output.join("report.dcm"), &radiograph, &grounded)? {
        println!("no DICOM report: the image is no DICOM");
    }
    println!("written: {}", args.output.display());
    Ok(())
}

fn ground(args: &Args, grounder: &PhraseGrounder, radiograph: &Radiograph) -> Result<Vec<GroundedPhrase>> {
    if let Some(path) = &args.report {
        let report =
            std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.clone(), source })?;
        return ground_report(grounder, radiograph, &report);
    }
    if args.phrases.is_empty() {
        return ground_phrases(grounder, radiograph, &PHRASES);
    }
    ground_phrases(grounder, radiograph, &args.phrases.iter().map(String::as_str).collect::<Vec<_>>())
}
