//! Trains the small slice-sequence encoder of `fixtures/slice-ct-tiny`: the first blocks of a DINOv2, taught on slices of scans to
//! say what all of it says, and a sequence model over its slices by masked embedding modelling.
//!
//! ```text
//! cargo run --release --bin distill -- --teacher dinov2-small/ --output my-encoder/ \
//!     --validation held-out.nii.gz scan1.nii.gz dicom-folder/ ...
//! ```
//!
//! Shows progress and can be stopped: what the teacher said is computed anew, the student goes on from its last epoch (kept in
//! `--state`).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use medburn_examples::device::DeviceArgs;
use medburn_examples::distill::{
    SequenceTraining, StudentTraining, TeacherFeatures, View, ViewSampler, first_blocks, train_sequence,
    train_student,
};
use medburn_examples::input::{Scan, read};
use medburn_examples::{Error, Result, exit};
use mednn::bert::BertConfig;
use mednn::weights::Precision;
use mednn::{Vit, VitConfig};
use medslice::{Pooling, SlicePreprocessor, SliceSequenceConfig, SliceSequenceEncoder, SliceSequenceModel};
use ndarray::Array2;

/// Distils a small slice-sequence encoder from a large vision transformer.
#[derive(Parser)]
struct Args {
    /// Scans to learn from: NIfTI files, DICOM folders.
    #[arg(required = true)]
    scans: Vec<PathBuf>,
    /// Scans that are only looked at to see how well it learns.
    #[arg(long, required = true, num_args = 1..)]
    validation: Vec<PathBuf>,
    /// Folder of the teacher: a published ViT, DINO or DINOv2 checkpoint.
    #[arg(long)]
    teacher: PathBuf,
    /// Folder to write the encoder to.
    #[arg(long)]
    output: PathBuf,
    /// Folder for the state of training.
    #[arg(long, default_value = "out/distill")]
    state: PathBuf,
    /// Views to learn from.
    #[arg(long, default_value_t = 1200)]
    views: usize,
    /// Passes over the views.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Views per step.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Highest learning rate.
    #[arg(long, default_value_t = 3e-4)]
    learning_rate: f64,
    /// Side of a view in pixels, a multiple of the teacher's patch size.
    #[arg(long, default_value_t = 168)]
    size: usize,
    /// Blocks of the student: it starts as the first ones of the teacher.
    #[arg(long, default_value_t = 2)]
    layers: usize,
    /// Steps of the sequence model.
    #[arg(long, default_value_t = 1500)]
    sequence_steps: usize,
    #[command(flatten)]
    device: DeviceArgs,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    println!("device: {opened}");
    let device = opened.device();
    std::fs::create_dir_all(&args.state).map_err(|source| Error::Io { path: args.state.clone(), source })?;

    let teacher = Vit::from_pretrained(&args.teacher, device)?;
    let config = student_config(args)?;
    // Loaded where gradients are tracked: parameters that were made elsewhere stay frozen.
    let start = first_blocks(&config, &args.teacher, &device.clone().autodiff())?;
    let views = draw(&args.scans, args.views, args.size, 0)?;
    let held_out = draw(&args.validation, 96, args.size, 1)?;
    let said = TeacherFeatures::compute(&teacher, &views, None, device)?;
    let said_held_out = TeacherFeatures::compute(&teacher, &held_out, Some(&said), device)?;
    let settings = StudentTraining {
        epochs: args.epochs,
        batch: args.batch,
        learning_rate: args.learning_rate,
        state: args.state.clone(),
    };
    let student =
        train_student(&config, start, (&views, &said), (&held_out, &said_held_out), &settings, device)?;

    let sequence_config = BertConfig::new(teacher.width(), 1, 6, teacher.width())
        .with_max_position_embeddings(256)
        .with_hidden_dropout_prob(0.0);
    let preprocessor = SlicePreprocessor::ct(16 * teacher.patch_size());
    let series = series_features(&args.scans, &student.vit, &preprocessor, device)?;
    let settings = SequenceTraining { steps: args.sequence_steps, batch: 8, learning_rate: 3e-3 };
    let sequence = train_sequence(&sequence_config, &series, &settings, device)?;

    let config = SliceSequenceConfig {
        slice_encoder: config,
        sequence_encoder: Some(sequence_config),
        pooling: Pooling::Mean,
    };
    let model = SliceSequenceModel::new(student.vit, Some(sequence), config.pooling);
    SliceSequenceEncoder::new(model, preprocessor, device)?.save(&args.output, &config, Precision::F16)?;
    println!("written: {}", args.output.display());
    Ok(())
}

/// The teacher's configuration with fewer blocks.
fn student_config(args: &Args) -> Result<VitConfig> {
    let path = args.teacher.join("config.json");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
    let mut config = VitConfig::from_hugging_face(&text)?;
    config.num_hidden_layers = args.layers.min(config.num_hidden_layers);
    config.validate()?;
    Ok(config)
}

fn draw(paths: &[PathBuf], count: usize, size: usize, seed: u64) -> Result<Vec<View>> {
    let scans = paths.iter().map(|path| read(path, None)).collect::<Result<Vec<Scan>>>()?;
    let mut sampler = ViewSampler::new(scans, size, seed);
    (0..count).map(|_| sampler.draw()).collect()
}

/// The slice features of every scan along all three axes.
fn series_features(
    paths: &[PathBuf],
    vit: &Vit,
    preprocessor: &SlicePreprocessor,
    device: &burn::tensor::Device,
) -> Result<Vec<Array2<f32>>> {
    // Axial, coronal and sagittal slices.
    const ORIENTATIONS: [&str; 3] = ["LPS", "LIP", "PIL"];
    let mut series = Vec::new();
    for path in paths {
        let scan = read(path, None)?;
        for orientation in ORIENTATIONS {
            let base =
                if scan.is_ct() { preprocessor.clone() } else { SlicePreprocessor::mr(preprocessor.size) };
            let along = SlicePreprocessor { orientation: Some(orientation.to_string()), ..base };
            let model = SliceSequenceModel::new(vit.clone(), None, Pooling::Mean);
            let volume = thin(&scan, orientation)?;
            let embedding = SliceSequenceEncoder::new(model, along, device)?.encode(&volume)?;
            series.push(embedding.features);
        }
        println!("{}: features of its slices along three axes", path.display());
    }
    Ok(series)
}

/// At most about 100 slices along the first axis of an orientation: neighbours in a fine grid are near copies.
fn thin(scan: &Scan, orientation: &str) -> Result<medcore::Volume<f32>> {
    let turned = scan.volume.reorient(orientation)?;
    let [slices, rows, columns] = turned.size();
    let fewer = slices.min(100);
    Ok(turned.resize([fewer, rows, columns], medcore::Interpolation::Nearest)?)
}
