//! Three orthogonal views through the middle of a volume, as radiologists look at them.

use medcore::{Orientation, Volume, Window};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::error::Result;
use crate::picture::{Canvas, Sides, Tile, fit_within, resize_linear};

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
    let spacing = lps.spacing();
    let [axial, coronal, sagittal] = planes(&lps);
    let middle = lps.geometry().position(lps.size().map(|extent| extent / 2)).coords();
    let place = |axis: usize| format!("{} {:.1} mm", ["x", "y", "z"][axis], middle[axis]);
    let views = [
        ("axial", axial, [spacing.row, spacing.column], Sides::AXIAL, 2),
        ("coronal", coronal, [spacing.slice, spacing.column], Sides::CORONAL, 1),
        ("sagittal", sagittal, [spacing.slice, spacing.row], Sides::SAGITTAL, 0),
    ];
    views
        .into_iter()
        .map(|(name, pixels, spacing, sides, axis)| {
            let canvas = view(&pixels.view(), spacing, window, longest)?;
            Ok(Tile::picture(&canvas, format!("{name}, {}", place(axis))).with_sides(sides))
        })
        .collect()
}

/// The axial, coronal and sagittal planes through the middle of an LPS volume, with the first row at the top of the view.
fn planes(lps: &Volume<f32>) -> [Array2<f32>; 3] {
    let [slices, rows, columns] = lps.size();
    let voxels = lps.voxels();
    [
        voxels.index_axis(Axis(0), slices / 2).to_owned(),
        voxels.slice(s![..;-1, rows / 2, ..]).to_owned(),
        voxels.slice(s![..;-1, .., columns / 2]).to_owned(),
    ]
}

fn view(pixels: &ArrayView2<f32>, spacing: [f64; 2], window: Window, longest: usize) -> Result<Canvas> {
    let (rows, columns) = pixels.dim();
    let [height, width] = fit_within([rows, columns], spacing, longest);
    let grey: Array2<f32> = pixels.mapv(|v| window.apply(f64::from(v)) as f32);
    let mut canvas = Canvas::new(width, height, [0; 3])?;
    canvas.blit_grey(0, 0, &resize_linear(&grey.view(), [height, width])?.view());
    canvas.scale_bar(spacing[1] * columns as f64 / width as f64, SCALE);
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
            let [axial, coronal, sagittal] = planes(&volume.reorient(Orientation::LPS).unwrap());
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
    fn the_window_follows_the_values() {
        let volume = corner();
        let window = percentile_window(&volume);
        assert_eq!((window.apply(0.0), window.apply(1.0)), (0.0, 1.0));
        let constant = volume.map(|_| 5.0f32);
        assert!(percentile_window(&constant).width() > 0.0);
        assert!(percentile_window(&volume.map(|_| f32::NAN)).width() > 0.0);
    }
}
