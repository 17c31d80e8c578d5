//! Random views of volumes: slices along any axis, cropped, windowed and resized.

use medcore::{Image, Interpolation, Volume, Window};
use ndarray::{Array2, Axis};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::error::Result;
use crate::input::Scan;

/// A square grey image, 0 to 1.
pub type View = Array2<f32>;

/// Draws views from a set of scans.
#[derive(Debug)]
pub struct ViewSampler {
    scans: Vec<(Volume<f32>, bool)>,
    size: usize,
    rng: StdRng,
}

/// Shares of views: along the slices, and with the full range of HU.
const ALONG_SLICES: f64 = 0.75;
const FULL_RANGE: f64 = 0.8;
/// The shortest crop, as a share of the field of view.
const SMALLEST_CROP: f64 = 0.6;

impl ViewSampler {
    /// Of square views of `size` pixels; the same seed draws the same ones.
    pub fn new(scans: Vec<Scan>, size: usize, seed: u64) -> Self {
        let scans = scans.into_iter().map(|scan| {
            let ct = scan.is_ct();
            (scan.volume, ct)
        });
        Self { scans: scans.collect(), size, rng: StdRng::seed_from_u64(seed) }
    }

    /// The next view. Scans are drawn by their number of slices.
    ///
    /// # Errors
    /// [`Error::Volume`](crate::Error::Volume) when a slice cannot be resized.
    pub fn draw(&mut self) -> Result<View> {
        let total: usize = self.scans.iter().map(|(v, _)| v.size()[0]).sum();
        let mut at = self.rng.random_range(0..total);
        let chosen = self.scans.iter().position(|(v, _)| {
            let slices = v.size()[0];
            let here = at < slices;
            at = at.saturating_sub(slices);
            here
        });
        let (volume, ct) = &self.scans[chosen.unwrap_or(0)];
        let axis = if self.rng.random_bool(ALONG_SLICES) { 0 } else { self.rng.random_range(1..3) };
        let index = self.rng.random_range(0..volume.size()[axis]);
        let slice = volume.voxels().index_axis(Axis(axis), index).to_owned();
        let spacing = volume.spacing();
        // Rows and columns of the slice, in mm.
        let step = match axis {
            0 => [spacing.row, spacing.column],
            1 => [spacing.slice, spacing.column],
            _ => [spacing.slice, spacing.row],
        };
        let window = draw_window(&mut self.rng, *ct, &slice);
        let crop = draw_crop(&mut self.rng, &slice, step);
        let grey = crop.mapv(|v| window.apply(f64::from(v)) as f32);
        let mut view = letterbox(grey, step, self.size)?;
        if self.rng.random_bool(0.5) {
            view.invert_axis(Axis(1));
        }
        Ok(view.as_standard_layout().into_owned())
    }
}

fn draw_window(rng: &mut StdRng, ct: bool, slice: &Array2<f32>) -> Window {
    if !ct {
        let top = slice.iter().copied().filter(|v| v.is_finite()).fold(1.0f32, f32::max);
        let high = f64::from(top) * rng.random_range(0.5..1.0);
        return Window::range(0.0, high).unwrap_or(Window::CT_FULL);
    }
    match rng.random_range(0.0..1.0) {
        x if x < FULL_RANGE => Window::CT_FULL,
        x if x < FULL_RANGE + 0.1 => Window::LUNG,
        _ => Window::SOFT_TISSUE,
    }
}

/// A part of the slice that is square in mm where it can be.
fn draw_crop(rng: &mut StdRng, slice: &Array2<f32>, step: [f64; 2]) -> Array2<f32> {
    let (rows, columns) = slice.dim();
    let longest = (rows as f64 * step[0]).max(columns as f64 * step[1]);
    let side = longest * rng.random_range(SMALLEST_CROP..1.0);
    let mut part = |n: usize, step: f64| {
        let length = ((side / step).round() as usize).clamp(1, n);
        let start = rng.random_range(0..=n - length);
        start..start + length
    };
    let (r, c) = (part(rows, step[0]), part(columns, step[1]));
    slice.slice(ndarray::s![r, c]).to_owned()
}

/// Resized to fill a square in proportion, the rest black.
pub(super) fn letterbox(grey: Array2<f32>, step: [f64; 2], size: usize) -> Result<View> {
    let (rows, columns) = grey.dim();
    let extent = [rows as f64 * step[0], columns as f64 * step[1]];
    let scale = size as f64 / extent[0].max(extent[1]);
    let fit = |mm: f64| ((mm * scale).round() as usize).clamp(1, size);
    let (height, width) = (fit(extent[0]), fit(extent[1]));
    let resized = Image::grey(grey)?.resize(height, width, Interpolation::Linear)?;
    let mut square = Array2::zeros([size, size]);
    let (top, left) = ((size - height) / 2, (size - width) / 2);
    square
        .slice_mut(ndarray::s![top..top + height, left..left + width])
        .assign(&resized.pixels().index_axis(Axis(0), 0));
    Ok(square)
}
