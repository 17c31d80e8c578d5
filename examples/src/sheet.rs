//! The sheet that `embed` draws: slices as the encoder sees them, and their patch features as colours.

use std::path::Path;

use medcore::Orientation;
use medslice::{Embedding, PreparedVolume};
use ndarray::{Array2, Array3, Axis, s};

use crate::error::Result;
use crate::picture::{
    Mosaic, Pca, Sides, Tile, evenly_spaced, resize_linear, resize_nearest, scores_to_rgb, sheet,
};

/// How many slices are shown, in how many columns, how large.
const SHOWN: usize = 18;
const COLUMNS: usize = 6;
const TILE: usize = 168;
/// Patches darker than this (of 0 to 1) are air or padding: they take no part in the colours. Lung is brighter.
const BACKGROUND: f32 = 0.03;

/// The patch features of one slice.
#[derive(Debug)]
pub struct PatchFeatures {
    /// Which slice.
    pub slice: usize,
    /// `[rows, columns, width]`
    pub values: Array3<f32>,
}

/// Collects what is shown while a scan is encoded.
#[derive(Debug, Default)]
pub struct SliceSheet {
    chosen: Vec<usize>,
    kept: Vec<PatchFeatures>,
}

impl SliceSheet {
    /// For a scan that is encoded as so many slices; they are shown evenly spaced.
    pub fn new(slices: usize) -> Self {
        Self { chosen: evenly_spaced(slices, SHOWN), kept: Vec::new() }
    }

    /// Whether a slice will be shown.
    pub fn shows(&self, slice: usize) -> bool {
        self.chosen.contains(&slice)
    }

    /// Adds the features of a slice that is shown.
    pub fn keep(&mut self, features: PatchFeatures) {
        self.kept.push(features);
    }

    /// Draws the sheet.
    ///
    /// # Errors
    /// [`Error::Picture`](crate::Error::Picture) when nothing was kept or the file cannot be written.
    pub fn write(
        &self,
        path: &Path,
        title: &str,
        prepared: &PreparedVolume<'_>,
        embedding: &Embedding,
    ) -> Result<()> {
        let mut slices = Vec::new();
        for features in &self.kept {
            let grey = prepared.grey(features.slice..features.slice + 1)?;
            slices.push(grey.voxels().index_axis(Axis(0), 0).to_owned());
        }
        let captions: Vec<String> = self.kept.iter().map(|f| caption(f.slice, embedding)).collect();
        let (colors, explained) = self.colors(&slices)?;

        let sides = sides(embedding.geometry.orientation());
        let mosaic = |title: String| Mosaic { title, columns: COLUMNS, sides, ..Mosaic::default() };
        let mut grey_tiles = Vec::new();
        let mut color_tiles = Vec::new();
        for ((grey, color), caption) in slices.iter().zip(&colors).zip(&captions) {
            grey_tiles.push(Tile::grey(&resize_linear(&grey.view(), [TILE, TILE])?.view(), caption)?);
            color_tiles.push(Tile::rgb(&resize_nearest(&color.view(), [TILE, TILE])?.view(), caption)?);
        }
        let shown =
            format!("{} of {} slices as the encoder sees them", slices.len(), embedding.slices.nrows());
        let components = format!(
            "patch features: first three principal components as red, green, blue ({:.0} % of the variance)",
            100.0 * explained
        );
        let pictures = [mosaic(shown).draw(&grey_tiles)?, mosaic(components).draw(&color_tiles)?];
        sheet(title, &pictures)?.write_png(path)?;
        Ok(())
    }

    /// The features of each slice as colours `[rows, columns, 3]`, and the share of variance that the colours show.
    fn colors(&self, slices: &[Array2<f32>]) -> Result<(Vec<Array3<u8>>, f64)> {
        let rows: Vec<f32> = self.kept.iter().flat_map(|f| f.values.iter().copied()).collect();
        let width = self.kept.first().map_or(0, |f| f.values.dim().2);
        let rows = Array2::from_shape_vec([rows.len() / width.max(1), width], rows).unwrap_or_default();
        let mut bright: Vec<bool> = Vec::new();
        for (features, grey) in self.kept.iter().zip(slices) {
            let (grid_rows, grid_columns, _) = features.values.dim();
            bright.extend(patch_means(grey, [grid_rows, grid_columns]).iter().map(|&m| m > BACKGROUND));
        }
        // A scan without background counts whole.
        let counted = (bright.iter().filter(|b| **b).count() >= 4).then_some(bright.as_slice());
        let pca = Pca::fit(&rows.view(), 3, counted)?;
        let rgb = scores_to_rgb(&pca.transform(&rows.view())?.view(), counted)?;
        let mut start = 0;
        let mut colors = Vec::new();
        for features in &self.kept {
            let (r, c, _) = features.values.dim();
            let part = rgb.slice(s![start..start + r * c, ..]);
            colors.push(Array3::from_shape_fn([r, c, 3], |(i, j, k)| part[[i * c + j, k]]));
            start += r * c;
        }
        Ok((colors, pca.explained().iter().sum()))
    }
}

/// Where the middle of a slice is along the axis of the patient that the slices run along.
fn caption(slice: usize, embedding: &Embedding) -> String {
    let along = embedding.geometry.orientation().directions()[2].lps_axis();
    let axis = ["x", "y", "z"][along];
    format!("{axis} {:.1} mm", embedding.position(slice).coords()[along])
}

/// The letters at the sides of a slice: columns run to the right, rows downwards.
fn sides(orientation: Orientation) -> Option<Sides> {
    let [columns, rows, _] = orientation.directions();
    Some(Sides {
        left: columns.opposite().letter(),
        right: columns.letter(),
        top: rows.opposite().letter(),
        bottom: rows.letter(),
    })
}

fn patch_means(grey: &Array2<f32>, [rows, columns]: [usize; 2]) -> Array2<f32> {
    let (height, width) = grey.dim();
    let (ph, pw) = (height / rows, width / columns);
    Array2::from_shape_fn([rows, columns], |(r, c)| {
        let patch = grey.slice(s![r * ph..(r + 1) * ph, c * pw..(c + 1) * pw]);
        patch.sum() / (ph * pw) as f32
    })
}
