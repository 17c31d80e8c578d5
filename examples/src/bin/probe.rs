//! What the encoder's features say that raw pixels do not, by linear probes.
//!
//! ```text
//! cargo run --release --bin probe                                             # the chest CT of fixtures/
//! cargo run --release --bin probe -- ct.nii.gz --labels organs.nii.gz         # also: which organ a patch shows
//! cargo run --release --bin probe -- --weights dinov2-small/
//! ```
//!
//! 1. Position: where along the body a slice lies, from its class token, against its raw pixels at 16 x 16 and 32 x 32.
//! 2. With `--labels`, organ: the label that covers most of a patch, from its token, against the raw pixels of the patch and of the
//!    3 x 3 patches around it.
//!
//! A ridge regression on standardised features, and for organs the five nearest neighbours too; contiguous blocks of slices
//! are held out in turn, with a gap around them that no probe sees; the penalty is the best of five for each kind of features. Rows
//! `random` are the same network before training.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use medburn_examples::device::DeviceArgs;
use medburn_examples::input::read;
use medburn_examples::probe::{Neighbours, Ridge, blocks, split};
use medburn_examples::{Error, Result, exit, fixtures, progress};
use medcore::{Interpolation, Volume};
use mednn::bridge::read_f32;
use medslice::{EncodeOptions, SliceSequenceConfig, SliceSequenceEncoder};
use ndarray::{Array2, ArrayView2, Axis};

/// Compares the encoder's features with raw pixels.
#[derive(Parser)]
struct Args {
    /// A CT: DICOM folder or NIfTI file; without it, the chest CT of fixtures/.
    input: Option<PathBuf>,
    /// A label map on any grid in the same space.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// Folder of the encoder; without it, that of fixtures/.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Blocks of slices that are held out in turn.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Slices next to a held-out block that no probe sees.
    #[arg(long, default_value_t = 1)]
    gap: usize,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Labels that fewer patches show are left out.
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
    let scan = read(&args.input.clone().unwrap_or_else(fixtures::chest_ct), None)?;
    let weights = args.weights.clone().unwrap_or_else(fixtures::encoder);
    let trained = SliceSequenceEncoder::from_pretrained(&weights, opened.device())?;
    let random = untrained(&weights, &trained, opened.device())?;
    let trained = features(&trained, &scan.volume)?;
    let random = features(&random, &scan.volume)?;
    position(&trained, &random, args)?;
    match &args.labels {
        Some(path) => organs(&trained, &random, &medio::nifti::read_as::<f32>(path)?, args),
        None => Ok(()),
    }
}

/// The same architecture with random weights.
fn untrained(
    weights: &std::path::Path,
    like: &SliceSequenceEncoder,
    device: &burn::tensor::Device,
) -> Result<SliceSequenceEncoder> {
    let path = weights.join("config.json");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
    device.seed(0);
    let model = SliceSequenceConfig::from_json(&text)?.init(device);
    Ok(SliceSequenceEncoder::new(model, like.preprocessor().clone(), device)?)
}

/// What an encoder says about a scan, and what it saw.
struct Features {
    /// `[slices, width]`
    slices: Array2<f32>,
    /// `[slices * patches, width]`
    patches: Array2<f32>,
    /// Patches per slice, `[rows, columns]`.
    grid: [usize; 2],
    /// The images, 0 to 1, on the encoded grid.
    images: Volume<f32>,
}

fn features(encoder: &SliceSequenceEncoder, volume: &Volume<f32>) -> Result<Features> {
    let prepared = encoder.preprocessor().prepare(volume)?;
    let total = prepared.geometry().size()[0];
    let images = prepared.grey(0..total)?;
    let bar = progress::bar(total, "slices");
    let (mut patches, mut grid, mut failed) = (Vec::new(), [0, 0], None);
    let embedding = encoder.encode_with(volume, EncodeOptions::default(), |batch| {
        bar.set_position(batch.range.end as u64);
        grid = batch.features.grid;
        match read_f32(batch.features.patches.clone()) {
            Ok(values) => {
                patches.extend(values);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    let embedding = embedding?;
    let width = embedding.features.ncols();
    let rows = patches.len() / width;
    let patches = Array2::from_shape_vec([rows, width], patches)
        .map_err(|e| mednn::Error::Readback { reason: e.to_string() })?;
    Ok(Features { slices: embedding.features, patches, grid, images })
}

fn position(trained: &Features, random: &Features, args: &Args) -> Result<()> {
    let geometry = trained.images.geometry();
    let slices = geometry.size()[0];
    if slices < 2 * args.folds.max(2) {
        let expected = format!("at least {} slices for {} folds", 2 * args.folds.max(2), args.folds);
        return Err(Error::Unfit { what: "the scan", expected, found: slices.to_string() });
    }
    let step = geometry.spacing().slice;
    let target = Array2::from_shape_fn([slices, 1], |(i, _)| i as f64 * step);
    println!(
        "\nposition of a slice along the body, {slices} slices over {:.0} mm",
        step * (slices - 1) as f64
    );
    println!("{:24} {:>22}", "features", "mean error in mm");
    let row = |name: &str, x: ArrayView2<'_, f32>| {
        let error = best(
            |penalty| {
                held_out(x, &target, args, 1, penalty, |found, truth| {
                    (found - truth).mapv(f64::abs).sum() / truth.len() as f64
                })
            },
            false,
        );
        println!("{name:24} {error:22.1}");
    };
    row("encoder", trained.slices.view());
    row("random", random.slices.view());
    for side in [16, 32] {
        row(&format!("pixels {side} x {side}"), pixels(&trained.images, side)?.view());
    }
    let mean = best(
        |_| {
            held_out(Array2::<f32>::zeros([slices, 1]).view(), &target, args, 1, 1.0, |found, truth| {
                (found - truth).mapv(f64::abs).sum() / truth.len() as f64
            })
        },
        false,
    );
    println!("{:24} {mean:22.1}", "the mean position");
    Ok(())
}

fn organs(trained: &Features, random: &Features, labels: &Volume<f32>, args: &Args) -> Result<()> {
    let labels = labels.resample_to(trained.images.geometry(), Interpolation::Nearest, -1.0)?;
    let majority = majority(&labels, trained.grid);
    let per_slice = trained.grid[0] * trained.grid[1];
    // Labels that enough patches show, background included; patches outside of the label map do not take part.
    let mut counts = std::collections::BTreeMap::<i64, usize>::new();
    for &label in majority.iter().filter(|&&l| l >= 0) {
        *counts.entry(label).or_default() += 1;
    }
    let classes: Vec<i64> =
        counts.into_iter().filter(|&(_, n)| n >= FEWEST).map(|(label, _)| label).collect();
    let kept: Vec<usize> = (0..majority.len()).filter(|&i| classes.contains(&majority[i])).collect();
    let target = Array2::from_shape_fn([kept.len(), classes.len()], |(row, class)| {
        f64::from(u8::from(majority[kept[row]] == classes[class]))
    });
    let slice_of: Vec<usize> = kept.iter().map(|i| i / per_slice).collect();
    println!("\nlabel of a patch, {} patches, {} labels", kept.len(), classes.len());
    println!("{:24} {:>10} {:>12}", "mean recall of labels", "linear", "5 neighbours");
    let patch = patch_pixels(&trained.images, trained.grid);
    let around = pixels_around(&trained.images, trained.grid);
    for (name, x) in [
        ("encoder", &trained.patches),
        ("random", &random.patches),
        ("pixels of the patch", &patch),
        ("pixels of 3 x 3 patches", &around),
    ] {
        let x = x.select(Axis(0), &kept);
        let linear = best(
            |penalty| {
                recall(&x, &target, &slice_of, args, &|x, y| {
                    let ridge = Ridge::fit(x, y, penalty);
                    Box::new(move |x| ridge.predict(x))
                })
            },
            true,
        );
        let near = recall(&x, &target, &slice_of, args, &|x, y| {
            let neighbours = Neighbours::new(x, y, NEIGHBOURS);
            Box::new(move |x| neighbours.predict(x))
        });
        println!("{name:24} {:8.1} % {:10.1} %", 100.0 * linear, 100.0 * near);
    }
    println!("{:24} {:8.1} % {1:10.1} %", "chance", 100.0 / classes.len() as f64);
    Ok(())
}

fn best(score: impl Fn(f64) -> f64, higher: bool) -> f64 {
    let scores = PENALTIES.into_iter().map(score);
    if higher { scores.fold(f64::NEG_INFINITY, f64::max) } else { scores.fold(f64::INFINITY, f64::min) }
}

/// The mean of a score over held-out blocks.
fn held_out(
    x: ArrayView2<'_, f32>,
    target: &Array2<f64>,
    args: &Args,
    rows_per_slice: usize,
    penalty: f64,
    score: impl Fn(&Array2<f64>, &Array2<f64>) -> f64,
) -> f64 {
    let x = x.to_owned();
    let folds = blocks(x.nrows(), args.folds);
    let one = |block: &std::ops::Range<usize>| {
        let (x_train, x_test) = split(&x, block, args.gap * rows_per_slice);
        let (y_train, y_test) = split(target, block, args.gap * rows_per_slice);
        score(&Ridge::fit(x_train.view(), y_train.view(), penalty).predict(x_test.view()), &y_test)
    };
    folds.iter().map(one).sum::<f64>() / folds.len() as f64
}

/// Scores `[n, classes]` for features `[n, d]`.
type Predict = Box<dyn Fn(ArrayView2<'_, f32>) -> Array2<f64>>;
/// Learns from features `[n, d]` and one-hot labels `[n, classes]`.
type Fit<'a> = &'a dyn Fn(ArrayView2<'_, f32>, ArrayView2<'_, f64>) -> Predict;

/// Mean recall over labels, blocks of slices held out.
fn recall(x: &Array2<f32>, target: &Array2<f64>, slice_of: &[usize], args: &Args, fit: Fit<'_>) -> f64 {
    let slices = slice_of.iter().max().map_or(0, |m| m + 1);
    let classes = target.ncols();
    let argmax =
        |v: ndarray::ArrayView1<'_, f64>| (0..v.len()).max_by(|&a, &b| v[a].total_cmp(&v[b])).unwrap_or(0);
    let (mut right, mut all) = (vec![0usize; classes], vec![0usize; classes]);
    for block in blocks(slices, args.folds) {
        let rows = |keep: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..slice_of.len()).filter(|&row| keep(slice_of[row])).collect()
        };
        let test = rows(&|s| block.contains(&s));
        let train = rows(&|s| s + args.gap < block.start || s >= block.end + args.gap);
        let predict = fit(x.select(Axis(0), &train).view(), target.select(Axis(0), &train).view());
        let found = predict(x.select(Axis(0), &test).view());
        for (row, scores) in test.iter().zip(found.outer_iter()) {
            let truth = argmax(target.row(*row));
            all[truth] += 1;
            right[truth] += usize::from(argmax(scores) == truth);
        }
    }
    let recalls = right.iter().zip(&all).filter(|(_, n)| **n > 0).map(|(r, n)| *r as f64 / *n as f64);
    recalls.clone().sum::<f64>() / recalls.count().max(1) as f64
}

/// Each slice as `side * side` pixels.
fn pixels(images: &Volume<f32>, side: usize) -> Result<Array2<f32>> {
    let slices = images.size()[0];
    let small = images.resize([slices, side, side], Interpolation::Linear)?;
    let values = small.as_slice();
    Ok(Array2::from_shape_fn([slices, side * side], |(slice, pixel)| values[slice * side * side + pixel]))
}

/// The pixels of each patch `[slices * patches, pixels]`.
fn patch_pixels(images: &Volume<f32>, [rows, columns]: [usize; 2]) -> Array2<f32> {
    let [slices, height, width] = images.size();
    let (ph, pw) = (height / rows, width / columns);
    let voxels = images.voxels();
    Array2::from_shape_fn([slices * rows * columns, ph * pw], |(row, pixel)| {
        let (slice, patch) = (row / (rows * columns), row % (rows * columns));
        let (r, c) = (patch / columns * ph + pixel / pw, patch % columns * pw + pixel % pw);
        voxels[[slice, r, c]]
    })
}

/// The pixels of each patch and of the eight around it, at half the resolution; black beyond the image.
fn pixels_around(images: &Volume<f32>, [rows, columns]: [usize; 2]) -> Array2<f32> {
    let [slices, height, width] = images.size();
    let (ph, pw) = (height / rows, width / columns);
    let (across_h, across_w) = (3 * ph / 2, 3 * pw / 2);
    let voxels = images.voxels();
    Array2::from_shape_fn([slices * rows * columns, across_h * across_w], |(row, pixel)| {
        let (slice, patch) = (row / (rows * columns), row % (rows * columns));
        let r = (patch / columns * ph + pixel / across_w * 2).checked_sub(ph);
        let c = (patch % columns * pw + pixel % across_w * 2).checked_sub(pw);
        match (r, c) {
            (Some(r), Some(c)) if r < height && c < width => voxels[[slice, r, c]],
            _ => 0.0,
        }
    })
}

/// The most frequent label of each patch.
fn majority(labels: &Volume<f32>, grid: [usize; 2]) -> Vec<i64> {
    let patches = patch_pixels(labels, grid);
    let most = |row: ndarray::ArrayView1<'_, f32>| {
        let mut sorted: Vec<i64> = row.iter().map(|&v| v.round() as i64).collect();
        sorted.sort_unstable();
        let runs = sorted.chunk_by(|a, b| a == b);
        runs.max_by_key(|run| run.len()).map_or(-1, |run| run[0])
    };
    patches.outer_iter().map(most).collect()
}
