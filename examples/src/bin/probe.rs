//! What the encoder's features say that raw pixels do not, by probes.
//!
//! ```text
//! cargo run --release --bin probe                                     # the chest CT of fixtures/
//! cargo run --release --bin probe -- --weights dinov2-small/
//! cargo run --release --bin probe -- ct.nii.gz --labels organs.nii.gz
//! cargo run --release --bin probe -- ct.nii.gz --labels organs.nii.gz --on other.nii.gz --on-labels other-organs.nii.gz
//! ```
//!
//! 1. Position: where along the body a slice lies, from its class token, against its raw pixels at 16 x 16 and 32 x 32. Contiguous
//!    blocks of slices are held out in turn, with a gap around them that no probe sees: neighbouring slices are near copies.
//! 2. With `--labels`, organ: the label that covers most of a patch, from its token, against the raw pixels of the patch and of
//!    the 3 x 3 patches around it. Blocks of slices are held out, or, with `--on`, another patient.
//!
//! A ridge regression on standardised features (all labels counting alike), for organs also with the patch's row and column beside them (where a patch lies
//! says much about what it shows, and is no merit of the features), and by the five nearest neighbours. The penalty is the best of
//! five for each kind of features. Rows `random` are the same network before training.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn::tensor::Device;
use clap::Parser;
use medburn_examples::device::DeviceArgs;
use medburn_examples::input::read;
use medburn_examples::probe::{Neighbours, Ridge, folds, pixels};
use medburn_examples::{Error, Result, exit, fixtures, progress};
use medcore::{Interpolation, Volume};
use mednn::bridge::read_f32;
use medslice::{EncodeOptions, SliceSequenceConfig, SliceSequenceEncoder};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, concatenate};

/// Compares the encoder's features with raw pixels.
#[derive(Parser)]
struct Args {
    /// A CT: DICOM folder or NIfTI file; without it, the chest CT of fixtures/.
    input: Option<PathBuf>,
    /// A label map on any grid in the same space.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// A CT of another patient to test the organ probe on.
    #[arg(long, requires = "on_labels")]
    on: Option<PathBuf>,
    /// The label map of the other patient, with the same labels.
    #[arg(long, requires = "on")]
    on_labels: Option<PathBuf>,
    /// Folder of the encoder; without it, that of fixtures/.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Side of the encoder's images in pixels; by default as the encoder was made for.
    #[arg(long)]
    size: Option<usize>,
    /// Blocks of slices that are held out in turn.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Slices next to a held-out block that no probe sees.
    #[arg(long, default_value_t = 1)]
    gap: usize,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Labels that fewer patches of a scan show are left out.
const FEWEST: usize = 20;
/// Neighbours that vote.
const NEIGHBOURS: usize = 5;
const PENALTIES: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 10.0];

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let opened = args.device.open()?;
    println!("device: {opened}");
    let encoders = Encoders::open(args, opened.device())?;
    let input = args.input.clone().unwrap_or_else(fixtures::chest_ct);
    let first = encoders.features(&input)?;
    position(&first, args)?;
    let Some(labels) = &args.labels else { return Ok(()) };
    let mut patches = vec![Patches::new(first, labels)?];
    if let (Some(scan), Some(labels)) = (&args.on, &args.on_labels) {
        patches.push(Patches::new(encoders.features(scan)?, labels)?);
    }
    organs(&patches, args)
}

/// An encoder, and the same architecture with random weights.
struct Encoders {
    trained: SliceSequenceEncoder,
    random: SliceSequenceEncoder,
}

/// What the encoders say about a scan, and what they saw.
struct Features {
    trained: Tokens,
    random: Tokens,
    /// The images, 0 to 1, on the encoded grid.
    images: Volume<f32>,
}

/// Embeddings of slices `[slices, width]` and patches `[slices * patches, width]`.
struct Tokens {
    slices: Array2<f32>,
    patches: Array2<f32>,
    grid: [usize; 2],
}

impl Encoders {
    fn open(args: &Args, device: &Device) -> Result<Self> {
        let weights = args.weights.clone().unwrap_or_else(fixtures::encoder);
        let trained = SliceSequenceEncoder::from_pretrained(&weights, device)?;
        let mut preprocessor = trained.preprocessor().clone();
        preprocessor.size = args.size.unwrap_or(preprocessor.size);
        let path = weights.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        device.seed(0);
        let model = SliceSequenceConfig::from_json(&text)?.init(device);
        Ok(Self {
            random: SliceSequenceEncoder::new(model, preprocessor.clone(), device)?,
            trained: trained.with_preprocessor(preprocessor)?,
        })
    }

    fn features(&self, path: &Path) -> Result<Features> {
        let volume = read(path, None)?.volume;
        let prepared = self.trained.preprocessor().prepare(&volume)?;
        let images = prepared.grey(0..prepared.geometry().size()[0])?;
        Ok(Features {
            trained: tokens(&self.trained, &volume)?,
            random: tokens(&self.random, &volume)?,
            images,
        })
    }
}

fn tokens(encoder: &SliceSequenceEncoder, volume: &Volume<f32>) -> Result<Tokens> {
    let total = encoder.preprocessor().prepare(volume)?.geometry().size()[0];
    let bar = progress::bar(total, "slices");
    let (mut values, mut grid, mut failed) = (Vec::new(), [0, 0], None);
    let embedding = encoder.encode_with(volume, EncodeOptions::default(), |batch| {
        bar.set_position(batch.range.end as u64);
        grid = batch.features.grid;
        match read_f32(batch.features.patches.clone()) {
            Ok(batch) => values.extend(batch),
            Err(error) => failed = Some(error),
        }
        if failed.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    let slices = embedding?.features;
    let width = slices.ncols();
    let patches = Array2::from_shape_vec([values.len() / width, width], values)
        .map_err(|e| mednn::Error::Readback { reason: e.to_string() })?;
    Ok(Tokens { slices, patches, grid })
}

fn position(features: &Features, args: &Args) -> Result<()> {
    let geometry = features.images.geometry();
    let slices = geometry.size()[0];
    let fewest = 2 * args.folds.max(2);
    if slices < fewest {
        let expected = format!("at least {fewest} slices for {} folds", args.folds);
        return Err(Error::Unfit { what: "the scan", expected, found: slices.to_string() });
    }
    let step = geometry.spacing().slice;
    let target = Array2::from_shape_fn([slices, 1], |(i, _)| i as f64 * step);
    println!(
        "\nposition of a slice along the body, {slices} slices over {:.0} mm",
        step * (slices - 1) as f64
    );
    println!("{:24} {:>22}", "features", "mean error in mm");
    let folds = folds(slices, args.folds, args.gap);
    let row = |name: &str, x: &Array2<f32>| {
        let error = |penalty: f64| {
            let one = |(train, test): &(Vec<usize>, Vec<usize>)| {
                let ridge = Ridge::fit(pick(x, train).view(), pick(&target, train).view(), penalty);
                let found = ridge.predict(pick(x, test).view());
                (found - pick(&target, test)).mapv(f64::abs).mean().unwrap_or(f64::NAN)
            };
            folds.iter().map(one).sum::<f64>() / folds.len() as f64
        };
        let best = PENALTIES.into_iter().map(error).fold(f64::INFINITY, f64::min);
        println!("{name:24} {best:22.1}");
    };
    row("encoder", &features.trained.slices);
    row("random", &features.random.slices);
    for side in [16, 32] {
        row(&format!("pixels {side} x {side}"), &pixels::of_slices(&features.images, side)?);
    }
    row("the mean position", &Array2::zeros([slices, 1]));
    Ok(())
}

fn pick<T: Clone>(a: &Array2<T>, rows: &[usize]) -> Array2<T> {
    a.select(Axis(0), rows)
}

/// The patches of a scan with their labels.
struct Patches {
    features: Features,
    labels: Vec<i64>,
}

impl Patches {
    fn new(features: Features, labels: &Path) -> Result<Self> {
        let labels = medio::nifti::read_as::<f32>(labels)?;
        // Patches beyond the label map are marked, and do not take part.
        let labels = labels.resample_to(features.images.geometry(), Interpolation::Nearest, -1.0)?;
        let labels = pixels::majority_labels(&labels, features.trained.grid);
        Ok(Self { features, labels })
    }

    fn counts(&self) -> BTreeMap<i64, usize> {
        let mut counts = BTreeMap::new();
        for &label in self.labels.iter().filter(|&&label| label >= 0) {
            *counts.entry(label).or_default() += 1;
        }
        counts
    }

    fn per_slice(&self) -> usize {
        self.features.trained.grid.iter().product()
    }
}

/// Rows of several scans, each with the class and the slice it belongs to.
struct Table {
    one_hot: Array2<f64>,
    /// Row and column of the patch, one number each.
    location: Array2<f32>,
    /// Rows to learn from, rows to test on.
    folds: Vec<(Vec<usize>, Vec<usize>)>,
    /// The rows of each scan that take part.
    kept: Vec<Vec<usize>>,
}

impl Table {
    fn new(patches: &[Patches], classes: &[i64], args: &Args) -> Self {
        let keep = |p: &Patches| -> Vec<usize> {
            (0..p.labels.len()).filter(|&i| classes.contains(&p.labels[i])).collect()
        };
        let kept: Vec<_> = patches.iter().map(keep).collect();
        let rows: Vec<(&Patches, usize)> =
            patches.iter().zip(&kept).flat_map(|(p, kept)| kept.iter().map(move |&i| (p, i))).collect();
        let one_hot = Array2::from_shape_fn([rows.len(), classes.len()], |(row, class)| {
            let (p, i) = rows[row];
            f64::from(u8::from(p.labels[i] == classes[class]))
        });
        let [r, c] = patches[0].features.trained.grid;
        let location = Array2::from_shape_fn([rows.len(), r + c], |(row, at)| {
            let patch = rows[row].1 % (r * c);
            f32::from(u8::from(at == patch / c || at == r + patch % c))
        });
        let folds = if let [first, _] = kept.as_slice() {
            vec![((0..first.len()).collect(), (first.len()..rows.len()).collect())]
        } else {
            let slice_of = |row: &usize| rows[*row].1 / patches[0].per_slice();
            let all =
                |slices: &Vec<usize>| (0..rows.len()).filter(|row| slices.contains(&slice_of(row))).collect();
            let slices = patches[0].labels.len() / patches[0].per_slice();
            folds(slices, args.folds, args.gap).iter().map(|(train, test)| (all(train), all(test))).collect()
        };
        Self { one_hot, location, folds, kept }
    }

    /// Features of all scans, the rows that take part.
    fn rows(&self, of: impl Fn(usize) -> Array2<f32>) -> Array2<f32> {
        let parts: Vec<_> = self.kept.iter().enumerate().map(|(scan, kept)| pick(&of(scan), kept)).collect();
        parts.into_iter().reduce(|a, b| concatenate![Axis(0), a, b]).unwrap_or_default()
    }

    /// Mean recall over classes.
    fn recall(
        &self,
        x: &Array2<f32>,
        predict: impl Fn([ArrayView2<'_, f32>; 2], ArrayView2<'_, f64>) -> Array2<f64>,
    ) -> f64 {
        let argmax =
            |v: ArrayView1<'_, f64>| (0..v.len()).max_by(|&a, &b| v[a].total_cmp(&v[b])).unwrap_or(0);
        let classes = self.one_hot.ncols();
        let (mut right, mut all) = (vec![0usize; classes], vec![0usize; classes]);
        for (train, test) in &self.folds {
            let (x_train, x_test) = (pick(x, train), pick(x, test));
            let found = predict([x_train.view(), x_test.view()], pick(&self.one_hot, train).view());
            for (row, scores) in test.iter().zip(found.outer_iter()) {
                let truth = argmax(self.one_hot.row(*row));
                all[truth] += 1;
                right[truth] += usize::from(argmax(scores) == truth);
            }
        }
        let recalls = right.iter().zip(&all).filter(|(_, n)| **n > 0).map(|(r, n)| *r as f64 / *n as f64);
        recalls.clone().sum::<f64>() / recalls.count().max(1) as f64
    }

    fn linear(&self, x: &Array2<f32>) -> f64 {
        let score =
            |penalty| self.recall(x, |[train, test], y| Ridge::fit_balanced(train, y, penalty).predict(test));
        PENALTIES.into_iter().map(score).fold(f64::NEG_INFINITY, f64::max)
    }
}

fn organs(patches: &[Patches], args: &Args) -> Result<()> {
    let counts: Vec<_> = patches.iter().map(Patches::counts).collect();
    let enough = |label: &i64| counts.iter().all(|c| c.get(label).is_some_and(|&n| n >= FEWEST));
    let classes: Vec<i64> = counts[0].keys().copied().filter(enough).collect();
    if classes.len() < 2 {
        let expected = format!("two labels that {FEWEST} patches of each scan show");
        return Err(Error::Unfit { what: "the label map", expected, found: classes.len().to_string() });
    }
    let table = Table::new(patches, &classes, args);
    let held_out = if patches.len() == 2 { "another patient" } else { "blocks of slices" };
    println!(
        "\nlabel of a patch: {} labels, {} patches, held out: {held_out}",
        classes.len(),
        table.one_hot.nrows()
    );
    println!(
        "{:24} {:>10} {:>14} {:>14}",
        "mean recall of labels", "linear", "with location", "5 neighbours"
    );
    let grid = patches[0].features.trained.grid;
    let rows = [
        ("encoder", table.rows(|scan| patches[scan].features.trained.patches.clone())),
        ("random", table.rows(|scan| patches[scan].features.random.patches.clone())),
        ("pixels of the patch", table.rows(|scan| pixels::of_patches(&patches[scan].features.images, grid))),
        (
            "pixels of 3 x 3 patches",
            table.rows(|scan| pixels::around_patches(&patches[scan].features.images, grid)),
        ),
    ];
    for (name, x) in &rows {
        let located = concatenate![Axis(1), *x, table.location];
        let near = |[train, test]: [ArrayView2<'_, f32>; 2], y: ArrayView2<'_, f64>| {
            Neighbours::new(train, y, NEIGHBOURS).predict(test)
        };
        let scores = [table.linear(x), table.linear(&located), table.recall(x, near)];
        let [linear, located, near] = scores.map(|s| 100.0 * s);
        println!("{name:24} {linear:8.1} % {located:12.1} % {near:12.1} %");
    }
    let chance = 100.0 / classes.len() as f64;
    println!("{:24} {chance:8.1} % {chance:12.1} % {chance:12.1} %", "chance");
    Ok(())
}
