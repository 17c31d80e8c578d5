//! Boxes over images.

use std::path::Path;

use medcore::{Image, Interpolation, PixelBox};
use medground::PhraseGrounder;
use medground::data::GroundingSample;
use ndarray::Axis;

use super::images::ImageFolder;
use crate::error::Result;
use crate::picture::{Canvas, LabelledBox, Rgb};

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
    let on_canvas = |bounds: &PixelBox| bounds.xyxy().map(|v| v * scale);
    for truth in &sample.boxes {
        canvas.outline(on_canvas(truth), TRUTH, 2);
    }
    let label = |(bounds, score): &(PixelBox, f64)| LabelledBox {
        xyxy: on_canvas(bounds),
        label: format!("{score:.2}"),
        color: FOUND,
    };
    canvas.labelled_boxes(&found.iter().map(label).collect::<Vec<_>>(), 1);
    canvas.outlined_text(4, 4, &sample.phrase, INK, 2);
    Ok(canvas)
}
