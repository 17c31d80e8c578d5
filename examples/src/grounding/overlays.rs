//! Boxes over images.

use std::path::Path;

use medcore::{Image, Interpolation, PixelBox};
use medground::PhraseGrounder;
use medground::data::GroundingSample;
use ndarray::Axis;

use super::images::ImageFolder;
use crate::error::Result;
use crate::picture::{Canvas, Rgb};

const TRUTH: Rgb = [110, 220, 120];
const FOUND: Rgb = [255, 150, 60];
const INK: Rgb = [255, 255, 255];
/// Longest side of a picture.
const SIDE: usize = 480;

/// Draws up to `count` samples, evenly spread: true boxes green, found ones orange with their scores, the phrase above.
///
/// # Errors
/// As [`ImageFolder::load`] and [`PhraseGrounder::ground`], and [`Error::Picture`](crate::Error::Picture).
pub fn write_overlays(
    grounder: &PhraseGrounder,
    samples: &[GroundingSample],
    images: &ImageFolder,
    count: usize,
    folder: &Path,
) -> Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|source| crate::Error::Io { path: folder.to_path_buf(), source })?;
    for at in 0..count.min(samples.len()) {
        let sample = &samples[at * samples.len() / count.min(samples.len())];
        let image = images.load(&sample.image)?;
        let Ok(hits) = grounder.ground(&image, &sample.phrase) else { continue };
        let found: Vec<(PixelBox, f64)> = hits.iter().map(|hit| (hit.region.bounds(), hit.score)).collect();
        overlay(&image, sample, &found)?.write_png(folder.join(format!("{at:02}.png")))?;
    }
    Ok(())
}

fn overlay(image: &Image<f32>, sample: &GroundingSample, found: &[(PixelBox, f64)]) -> Result<Canvas> {
    let scale = SIDE as f64 / image.height().max(image.width()) as f64;
    let [rows, columns] =
        [image.height(), image.width()].map(|v| ((v as f64 * scale).round() as usize).max(1));
    let small = image.resize(rows, columns, Interpolation::Linear)?;
    let (low, high) =
        small.pixels().iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let grey = small.pixels().index_axis(Axis(0), 0).mapv(|v| (v - low) / (high - low).max(f32::EPSILON));
    let mut canvas = Canvas::new(columns, rows, [0; 3])?;
    canvas.blit_grey(0, 0, &grey.view());
    for truth in &sample.boxes {
        outline(&mut canvas, truth, scale, TRUTH);
    }
    for (bounds, score) in found {
        let [x, y] = outline(&mut canvas, bounds, scale, FOUND);
        canvas.outlined_text(x + 4, y + 4, &format!("{score:.2}"), FOUND, 1);
    }
    canvas.outlined_text(4, 4, &sample.phrase, INK, 2);
    Ok(canvas)
}

/// A frame of two pixels within the box; its upper left corner.
fn outline(canvas: &mut Canvas, bounds: &PixelBox, scale: f64, color: Rgb) -> [usize; 2] {
    let [x0, y0, x1, y1] = bounds.xyxy().map(|v| (v * scale).round().max(0.0) as usize);
    let (width, height) = (x1.saturating_sub(x0).max(2), y1.saturating_sub(y0).max(2));
    canvas.fill_rect(x0, y0, width, 2, color);
    canvas.fill_rect(x0, (y0 + height).saturating_sub(2), width, 2, color);
    canvas.fill_rect(x0, y0, 2, height, color);
    canvas.fill_rect((x0 + width).saturating_sub(2), y0, 2, height, color);
    [x0, y0]
}
