//! Three orthogonal views through the middle of a volume, as radiologists look at them.

use medcore::{LabelMap, Orientation, Scalar, Volume, Window};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::error::Result;
use crate::labels::color;
use crate::picture::{Canvas, Sides, Tile, fit_within, resize_linear, resize_nearest};

/// Size of the letters and of the scale bar.
const SCALE: usize = 2;

/// Axial, coronal and sagittal views through the middle, in true proportions, the longest side of each `longest` pixels, with
/// orientation letters and a scale bar.
///
/// The patient's right is on the left of axial and coronal views, the front is on the left of the sagittal one. An oblique volume
/// is shown along its own axes, named by the closest of the patient's.
///
/// # Errors
/// [`Error::Volume`](crate::Error::Volume), [`Error::Picture`](crate::Error::Picture).
pub fn views(volume: &Volume<f32>, window: Window, longest: usize) -> Result<Vec<Tile>> {
    let lps = volume.reorient(Orientation::LPS)?;
    let middle = lps.size().map(|extent| extent / 2);
    tiles(&lps, middle, |pixels, spacing| view(pixels, spacing, window, longest))
}

/// The same of a label map in the [colours](crate::labels::color) of its labels, each view where most voxels have a label.
///
/// # Errors
/// As [`views`].
pub fn label_views(labels: &LabelMap, longest: usize) -> Result<Vec<Tile>> {
    let lps = labels.volume().reorient(Orientation::LPS)?;
    tiles(&lps, fullest(&lps), |pixels, spacing| label_view(labels, pixels, spacing, longest))
}

/// Views through a voxel of an LPS volume.
fn tiles<T: Scalar>(
    lps: &Volume<T>,
    through: [usize; 3],
    view: impl Fn(&ArrayView2<T>, [f64; 2]) -> Result<Canvas>,
) -> Result<Vec<Tile>> {
    let spacing = lps.spacing();
    let [axial, coronal, sagittal] = planes(lps, through);
    let position = lps.geometry().position(through).coords();
    let place = |axis: usize| format!("{} {:.1} mm", ["x", "y", "z"][axis], position[axis]);
    let views = [
        ("axial", axial, [spacing.row, spacing.column], Sides::AXIAL, 2),
        ("coronal", coronal, [spacing.slice, spacing.column], Sides::CORONAL, 1),
        ("sagittal", sagittal, [spacing.slice, spacing.row], Sides::SAGITTAL, 0),
    ];
    views
        .into_iter()
        .map(|(name, pixels, spacing, sides, axis)| {
            let canvas = view(&pixels.view(), spacing)?;
            Ok(Tile::picture(&canvas, format!("{name}, {}", place(axis))).with_sides(sides))
        })
        .collect()
}

/// The axial, coronal and sagittal planes through a voxel of an LPS volume, with the first row at the top of the view.
fn planes<T: Scalar>(lps: &Volume<T>, [slice, row, column]: [usize; 3]) -> [Array2<T>; 3] {
    let voxels = lps.voxels();
    [
        voxels.index_axis(Axis(0), slice).to_owned(),
        voxels.slice(s![..;-1, row, ..]).to_owned(),
        voxels.slice(s![..;-1, .., column]).to_owned(),
    ]
}

/// Along each axis the plane with the most labelled voxels.
fn fullest(labels: &Volume<u16>) -> [usize; 3] {
    let voxels = labels.voxels();
    [0, 1, 2].map(|axis| {
        let labelled = |plane: ArrayView2<u16>| plane.iter().filter(|label| **label > 0).count();
        let counts: Vec<usize> = voxels.axis_iter(Axis(axis)).map(labelled).collect();
        let most = counts.iter().max();
        counts.iter().position(|count| Some(count) == most).unwrap_or(0)
    })
}

fn view(pixels: &ArrayView2<f32>, spacing: [f64; 2], window: Window, longest: usize) -> Result<Canvas> {
    let size = fit_within(pixels.dim().into(), spacing, longest);
    let grey: Array2<f32> = pixels.mapv(|v| window.apply(f64::from(v)) as f32);
    let mut canvas = Canvas::new(size[1], size[0], [0; 3])?;
    canvas.blit_grey(0, 0, &resize_linear(&grey.view(), size)?.view());
    canvas.scale_bar(spacing[1] * pixels.ncols() as f64 / size[1] as f64, SCALE);
    Ok(canvas)
}

fn label_view(
    labels: &LabelMap,
    pixels: &ArrayView2<u16>,
    spacing: [f64; 2],
    longest: usize,
) -> Result<Canvas> {
    let size = fit_within(pixels.dim().into(), spacing, longest);
    let large = resize_nearest(pixels, size)?;
    let mut canvas = Canvas::new(size[1], size[0], [0; 3])?;
    for ((y, x), &label) in large.indexed_iter() {
        canvas.set_pixel(x, y, color(labels, label));
    }
    canvas.scale_bar(spacing[1] * pixels.ncols() as f64 / size[1] as f64, SCALE);
    Ok(canvas)
}

/// A window from the 1st to the 99th percentile of the finite values.
pub fn percentile_window(volume: &Volume<f32>) -> Window {
    // A sample of evenly spaced voxels is enough for a picture.
    let voxels = volume.as_slice();
    let step = (voxels.len() / 200_000).max(1);
    let mut sample: Vec<f32> = voxels.iter().step_by(step).copied().filter(|v| v.is_finite()).collect();
    sample.sort_by(f32::total_cmp);
    let at = |part: f64| sample.get((part * sample.len() as f64) as usize).copied().unwrap_or(0.0);
    let (low, high) = (f64::from(at(0.01)), f64::from(at(0.99)));
    // Constant, or nearly: what is brighter than that is white.
    Window::range(low, if high > low { high } else { low + 1.0 }).unwrap_or(Window::CT_FULL)
}

#[cfg(test)]
mod tests {
    use medcore::{Geometry, Point3, Spacing};
    use ndarray::Array3;

    use super::*;
    use crate::picture::Mosaic;

    /// Bright in the patient's left front upper corner.
    fn corner() -> Volume<f32> {
        let g =
            Geometry::axial([20, 40, 60], Spacing::new(1.0, 1.0, 3.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        let v = Array3::from_shape_fn([20, 40, 60], |(k, j, i)| f32::from(k >= 10 && j <= 20 && i >= 30));
        Volume::new(v, g).unwrap()
    }

    #[test]
    fn the_left_is_on_the_right_and_the_head_is_up() {
        for code in ["LPS", "RAS", "SLA"] {
            let volume = corner().reorient(code).unwrap();
            let lps = volume.reorient(Orientation::LPS).unwrap();
            let [axial, coronal, sagittal] = planes(&lps, lps.size().map(|extent| extent / 2));
            assert_eq!((axial[[0, 59]], axial[[39, 59]], axial[[0, 0]]), (1.0, 0.0, 0.0), "{code}");
            assert_eq!((coronal[[0, 59]], coronal[[19, 59]], coronal[[0, 0]]), (1.0, 0.0, 0.0), "{code}");
            assert_eq!((sagittal[[0, 0]], sagittal[[19, 0]], sagittal[[0, 39]]), (1.0, 0.0, 0.0), "{code}");
        }
    }

    #[test]
    fn three_tiles_in_true_proportions() {
        let volume = corner();
        let window = Window::range(0.0, 1.0).unwrap();
        let axial = view(&volume.slice(0).unwrap(), [1.0, 1.0], window, 300).unwrap();
        assert_eq!((axial.width(), axial.height()), (300, 200));
        let tiles = views(&volume, window, 300).unwrap();
        assert_eq!(tiles.len(), 3);
        assert!(Mosaic { columns: 3, ..Mosaic::default() }.draw(&tiles).is_ok());
    }

    #[test]
    fn labels_in_their_colours_where_they_are() {
        let labels = LabelMap::from_volume(&corner()).unwrap();
        let lps = labels.volume().reorient(Orientation::LPS).unwrap();
        let [slice, row, column] = fullest(&lps);
        assert!(lps.voxels()[[slice, row, column]] > 0);
        let plane = planes(&lps, [slice, row, column])[0].clone();
        let canvas = label_view(&labels, &plane.view(), [1.0, 1.0], plane.ncols()).unwrap();
        assert_eq!(canvas.pixel(column, row), Some(color(&labels, 1)));
        assert_eq!(label_views(&labels, 100).unwrap().len(), 3);
    }

    #[test]
    fn the_window_follows_the_values() {
        let volume = corner();
        let window = percentile_window(&volume);
        assert_eq!((window.apply(0.0), window.apply(1.0)), (0.0, 1.0));
        let constant = volume.map(|_| 5.0f32);
        assert!(percentile_window(&constant).width() > 0.0);
        assert!(percentile_window(&volume.map(|_| f32::NAN)).width() > 0.0);
    }
}
