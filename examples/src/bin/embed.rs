//! From a scan to an embedding: numbers for the study and for each slice, and pictures of what the encoder sees.
//!
//! ```text
//! cargo run --release --bin embed                                  # the chest CT of fixtures/
//! cargo run --release --bin embed -- scan.nii.gz --output out/scan
//! cargo run --release --bin embed -- dicom-folder/ --series 1
//! cargo run --release --bin embed -- --weights dinov2-small/       # any published ViT, DINO or DINOv2 folder
//! cargo run --release --features wgpu --bin embed -- --device wgpu
//! ```
//!
//! Prints a table and writes to the output folder:
//! - `embedding.safetensors`: `study` `[D]`, `slices` `[L, D]` (each in the context of the others), `features` `[L, D]` (each on its
//!   own), `positions` `[L, 3]` (centres of the slices, LPS in mm)
//! - `slices.png`: the slices as the encoder sees them, and the first three principal components of its patch features as
//!   red, green and blue

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::Tensor;
use clap::Parser;
use medburn_examples::device::DeviceArgs;
use medburn_examples::input::{Scan, read};
use medburn_examples::sheet::{PatchFeatures, SliceSheet};
use medburn_examples::tensors::Tensors;
use medburn_examples::{Error, Result, exit, fixtures, progress};
use medcore::Geometry;
use mednn::OpenDevice;
use mednn::bridge::read_f32;
use medslice::{
    Embedding, EncodeOptions, Intensity, PreparedVolume, SliceBatch, SlicePreprocessor, SliceSequenceEncoder,
};
use ndarray::{Array2, Array3};

/// Embeds a scan slice by slice.
#[derive(Parser)]
struct Args {
    /// A folder with a DICOM series, a DICOM file or a NIfTI file; without it, the chest CT of fixtures/.
    input: Option<PathBuf>,
    /// Folder of a slice-sequence encoder, or of a published ViT, DINO or DINOv2 (then slices are pooled as they are).
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Folder to write to.
    #[arg(long, default_value = "out/embed")]
    output: PathBuf,
    /// Which series, where there are several.
    #[arg(long)]
    series: Option<usize>,
    /// Side of the encoder's images in pixels, a multiple of its patch size; by default as the encoder was made for.
    #[arg(long)]
    size: Option<usize>,
    /// Values that become black and white, such as -1000 1000; by default as the encoder was made for, or percentiles 1 and 99
    /// when the scan is no CT.
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], allow_negative_numbers = true)]
    range: Option<Vec<f64>>,
    /// Linear layers of the encoder in 8 bits: faster on processors with AVX-512 and VNNI, smaller on every CPU, and a little less exact.
    #[arg(long)]
    int8: bool,
    /// Slices that go through the encoder at once: bounds the memory.
    #[arg(long, default_value_t = EncodeOptions::default().slice_batch)]
    slice_batch: usize,
    #[command(flatten)]
    device: DeviceArgs,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    let input = args.input.clone().unwrap_or_else(fixtures::chest_ct);
    let started = Instant::now();
    let scan = read(&input, args.series)?;
    let read_seconds = started.elapsed().as_secs_f64();
    let weights = args.weights.clone().unwrap_or_else(fixtures::encoder);
    let encoder = SliceSequenceEncoder::from_pretrained(&weights, opened.device())?;
    let preprocessor = adapted(encoder.preprocessor(), &scan, args);
    let mut encoder = encoder.with_preprocessor(preprocessor)?;
    if args.int8 {
        let (rounded, report) = encoder.into_int8(|_| true);
        encoder = rounded;
        println!("{:12} {report}", "int8");
    }
    std::fs::create_dir_all(&args.output)
        .map_err(|source| Error::Io { path: args.output.clone(), source })?;

    let prepared = encoder.preprocessor().prepare(&scan.volume)?;
    let mut sheet = SliceSheet::new(prepared.slices());
    let started = Instant::now();
    let embedding = encode(&encoder, &prepared, args.slice_batch, &mut sheet)?;
    let encode_seconds = started.elapsed().as_secs_f64();

    print_table(&scan, &opened, &encoder, &embedding, [read_seconds, encode_seconds]);
    write_tensors(&args.output.join("embedding.safetensors"), &embedding)?;
    let title = format!("{}: slices and principal components of patch features", scan.name);
    sheet.write(&args.output.join("slices.png"), &title, &prepared, &embedding)?;
    println!("written: {}", args.output.display());
    Ok(())
}

/// The encoder's preprocessing, with what the arguments and the scan ask for.
fn adapted(preprocessor: &SlicePreprocessor, scan: &Scan, args: &Args) -> SlicePreprocessor {
    let mut adapted = preprocessor.clone();
    // An encoder with a range of values was made for HU, which other scans do not have.
    if !scan.is_ct() && matches!(preprocessor.intensity, Intensity::Range { .. }) {
        let mr = SlicePreprocessor::mr(preprocessor.size);
        adapted.orientation = mr.orientation;
        adapted.intensity = mr.intensity;
    }
    if let Some([low, high]) = args.range.as_deref() {
        adapted.intensity = Intensity::Range { low: *low, high: *high };
    }
    adapted.size = args.size.unwrap_or(adapted.size);
    adapted
}

/// Encodes the scan with a progress bar, keeping the patch features of those slices that the sheet shows.
fn encode(
    encoder: &SliceSequenceEncoder,
    prepared: &PreparedVolume<'_>,
    slice_batch: usize,
    sheet: &mut SliceSheet,
) -> Result<Embedding> {
    let bar = progress::bar(prepared.slices(), "slices");
    let mut failed = None;
    let options = EncodeOptions { slice_batch };
    let embedding = encoder.encode_prepared(prepared, options, |batch| {
        bar.set_position(batch.range.end as u64);
        match keep_patches(batch, sheet) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    bar.finish_and_clear();
    match failed {
        Some(error) => Err(error),
        None => Ok(embedding?),
    }
}

fn keep_patches(batch: &SliceBatch<'_>, sheet: &mut SliceSheet) -> Result<()> {
    let [rows, columns] = batch.features.grid;
    let shown: Vec<usize> = batch.range.clone().filter(|slice| sheet.shows(*slice)).collect();
    if shown.is_empty() {
        return Ok(());
    }
    let one = |slice: &usize| batch.features.patches.clone().narrow(0, slice - batch.range.start, 1);
    // Read back together: each reading waits for the device.
    let patches = Tensor::cat(shown.iter().map(one).collect(), 0);
    let width = patches.dims()[2];
    let values = read_f32(patches)?;
    for (slice, values) in shown.into_iter().zip(values.chunks_exact(rows * columns * width)) {
        let values = Array3::from_shape_vec([rows, columns, width], values.to_vec())
            .map_err(|e| mednn::Error::Readback { reason: e.to_string() })?;
        sheet.keep(PatchFeatures { slice, values });
    }
    Ok(())
}

fn print_table(
    scan: &Scan,
    device: &OpenDevice,
    encoder: &SliceSequenceEncoder,
    embedding: &Embedding,
    [read, encode]: [f64; 2],
) {
    let slices = embedding.slices.nrows();
    let p = encoder.preprocessor();
    let rows = [
        ("scan", scan.name.clone()),
        ("size", size(scan.volume.geometry())),
        ("spacing", spacing(scan.volume.geometry())),
        ("orientation", scan.volume.orientation().to_string()),
        (
            "encoded as",
            format!("{slices} slices of {0} x {0} px, {1}", p.size, embedding.geometry.orientation()),
        ),
        ("taken as", if scan.is_ct() { "CT, in HU" } else { "no CT" }.into()),
        ("grey values", format!("{:?}", p.intensity)),
        ("sequence", if encoder.model().sequence().is_some() { "yes" } else { "no: mean of slices" }.into()),
        ("device", device.to_string()),
        ("read", format!("{:.0} ms", 1e3 * read)),
        ("encode", format!("{:.2} s, {:.1} ms per slice", encode, 1e3 * encode / slices as f64)),
        ("study", format!("[{}]  {}", embedding.study.len(), first(embedding))),
        ("slices", format!("{:?}", embedding.slices.dim())),
    ];
    for (name, value) in rows {
        println!("{name:12} {value}");
    }
    for note in &scan.notes {
        println!("{:12} {note}", "note");
    }
}

fn size(geometry: &Geometry) -> String {
    let [slices, rows, columns] = geometry.size();
    format!("{columns} x {rows} x {slices} (columns, rows, slices)")
}

fn spacing(geometry: &Geometry) -> String {
    let s = geometry.spacing();
    format!("{:.3} x {:.3} x {:.3} mm", s.column, s.row, s.slice)
}

fn first(embedding: &Embedding) -> String {
    let shown: Vec<_> = embedding.study.iter().take(4).map(|v| format!("{v:.3}")).collect();
    format!("{} ...", shown.join(" "))
}

fn write_tensors(path: &Path, embedding: &Embedding) -> Result<()> {
    let positions = embedding.positions();
    let positions =
        Array2::from_shape_fn([positions.len(), 3], |(i, axis)| positions[i].coords()[axis] as f32);
    let notes = HashMap::from([
        ("positions".to_string(), "centres of the slices, LPS in mm".to_string()),
        ("orientation".to_string(), embedding.geometry.orientation().to_string()),
    ]);
    Tensors::default()
        .add("study", &embedding.study)
        .add("slices", &embedding.slices)
        .add("features", &embedding.features)
        .add("positions", &positions)
        .write(path, notes)
}
