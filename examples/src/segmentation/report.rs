//! Pictures of a training.

use std::path::Path;

use medprompt::training::Sample;
use ndarray::{Array2, Array3};

use super::fit::Curves;
use super::scores::{Prediction, dice};
use crate::error::Result;
use crate::picture::{Chart, Line, Mosaic, Tile, evenly_spaced, resize_nearest, sheet};

/// Class colours, from class 1 on.
const COLORS: [[u8; 3]; 6] =
    [[255, 120, 60], [90, 200, 255], [130, 230, 110], [240, 110, 220], [250, 220, 80], [170, 150, 255]];
/// Losses that are averaged for a point of the curve, as a share of all.
const SMOOTHING: usize = 60;
const SHOWN: usize = 6;
const TILE: usize = 168;

/// Writes loss and score over the steps.
///
/// # Errors
/// [`Error::Picture`](crate::Error::Picture) without a finite point, or when the file cannot be written.
pub fn write_curves(path: &Path, curves: &Curves) -> Result<()> {
    let window = (curves.loss.len() / SMOOTHING).max(1);
    let smooth = curves.loss.chunks(window).filter_map(|part| {
        let (step, _) = part.last()?;
        Some([*step as f64, part.iter().map(|(_, loss)| f64::from(*loss)).sum::<f64>() / part.len() as f64])
    });
    let chart = |title: &str, points: Vec<[f64; 2]>| {
        let lines = vec![Line { name: title.to_string(), points }];
        Chart { across: "step".into(), lines, ..Chart::default() }.draw()
    };
    let mut pictures = vec![chart("training loss", smooth.collect())?];
    if !curves.dice.is_empty() {
        let dice = curves.dice.iter().map(|(step, dice)| [*step as f64, *dice]).collect();
        pictures.push(chart("Dice of held-out images", dice)?);
    }
    Ok(sheet("", &pictures)?.write_png(path)?)
}

/// Writes some images, each with its truth and with what the model found drawn over it.
///
/// # Errors
/// [`Error::Picture`](crate::Error::Picture) without predictions, or when the file cannot be written.
pub fn write_samples(path: &Path, title: &str, predictions: &[Prediction]) -> Result<()> {
    let mut tiles = Vec::new();
    for index in evenly_spaced(predictions.len(), SHOWN) {
        let prediction = &predictions[index];
        let sample = &prediction.sample;
        let nothing = Array2::zeros(sample.mask().dim());
        let score = format!("found, Dice {:.3}", dice(prediction)?);
        for (mask, caption) in
            [(&nothing, "image"), (sample.mask(), "truth"), (&prediction.labels(), score.as_str())]
        {
            tiles.push(Tile::rgb(&overlay(sample, mask)?.view(), caption)?);
        }
    }
    let mosaic = Mosaic { title: title.to_string(), columns: 6, scale: 1, ..Mosaic::default() };
    Ok(mosaic.draw(&tiles)?.write_png(path)?)
}

/// The image with classes as a tint, and their borders in full colour.
fn overlay(sample: &Sample, mask: &Array2<u16>) -> Result<Array3<u8>> {
    let size = [TILE, TILE];
    let mask = resize_nearest(&mask.view(), size)?;
    let image = resize_nearest(&sample.image().view().permuted_axes([1, 2, 0]), size)?;
    let at = |r: usize, c: usize| mask.get((r, c)).copied();
    Ok(Array3::from_shape_fn([TILE, TILE, 3], |(r, c, k)| {
        let value = image[[r, c, k]] * 255.0;
        let class = mask[[r, c]];
        let other = |neighbour: Option<u16>| neighbour.is_some_and(|found| found != class);
        let border = [
            at(r + 1, c),
            at(r, c + 1),
            r.checked_sub(1).and_then(|r| at(r, c)),
            c.checked_sub(1).and_then(|c| at(r, c)),
        ];
        let strength = match class {
            0 => 0.0,
            _ if border.into_iter().any(other) => 1.0,
            _ => 0.3,
        };
        let color = f32::from(COLORS[usize::from(class.max(1) - 1) % COLORS.len()][k]);
        (value * (1.0 - strength) + color * strength).round() as u8
    }))
}
