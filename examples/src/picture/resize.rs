//! Slices and maps at another size.

use ndarray::{Array, Array2, Array3, ArrayView, ArrayView2, ArrayView3, Axis, RemoveAxis};

use super::Result;
use super::canvas::{check_rgb, checked_area};

/// Repeats or drops pixels: the first two axes become `size`, `[rows, columns]`; for labels and maps whose cells shall
/// be seen.
///
/// # Errors
/// [`Error::InvalidSize`](super::Error::InvalidSize) when either size is nothing or too much.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use medburn_examples::picture::resize_nearest;
/// use ndarray::array;
///
/// let large = resize_nearest(&array![[1, 2]].view(), [2, 4])?;
/// assert_eq!(large, array![[1, 1, 2, 2], [1, 1, 2, 2]]);
/// # Ok(()) }
/// ```
pub fn resize_nearest<T: Clone, D: RemoveAxis>(
    pixels: &ArrayView<T, D>,
    size: [usize; 2],
) -> Result<Array<T, D>> {
    let from = [pixels.shape().first().copied().unwrap_or(0), pixels.shape().get(1).copied().unwrap_or(0)];
    check_sizes(from, size)?;
    let rows = nearest(from[0], size[0]);
    let columns = nearest(from[1], size[1]);
    Ok(pixels.select(Axis(0), &rows).select(Axis(1), &columns))
}

/// Bilinear, `size` is `[rows, columns]`; where it shrinks, every pixel counts (the triangle widens with the step, as in
/// Pillow), so that thin structures do not flicker away.
///
/// # Errors
/// [`Error::InvalidSize`](super::Error::InvalidSize) when either size is nothing or too much.
pub fn resize_linear(pixels: &ArrayView2<f32>, size: [usize; 2]) -> Result<Array2<f32>> {
    let from = [pixels.nrows(), pixels.ncols()];
    check_sizes(from, size)?;
    let narrower = blend_rows(&pixels.t(), size[1]);
    Ok(blend_rows(&narrower.t(), size[0]))
}

/// [`resize_linear`] on colours, `[row, column, 3]`.
///
/// # Errors
/// [`Error::InvalidSize`](super::Error::InvalidSize) as there, [`Error::InvalidShape`](super::Error::InvalidShape) when
/// the last axis is not red, green and blue.
pub fn resize_linear_rgb(pixels: &ArrayView3<u8>, size: [usize; 2]) -> Result<Array3<u8>> {
    check_rgb(pixels)?;
    check_sizes([pixels.shape()[0], pixels.shape()[1]], size)?;
    let mut resized = Array3::zeros([size[0], size[1], 3]);
    for (from, mut to) in pixels.axis_iter(Axis(2)).zip(resized.axis_iter_mut(Axis(2))) {
        let channel = resize_linear(&from.mapv(f32::from).view(), size)?;
        to.zip_mut_with(&channel, |to, from| *to = from.round() as u8);
    }
    Ok(resized)
}

/// The size at which pixels of unequal spacing (mm between rows, mm between columns) have their true proportions, with a
/// longer side of `longest` pixels.
///
/// ```
/// use medburn_examples::picture::fit_within;
///
/// // A coronal slice: 100 rows of 5 mm, 512 columns of 0.8 mm.
/// assert_eq!(fit_within([100, 512], [5.0, 0.8], 256), [256, 210]);
/// ```
pub fn fit_within(size: [usize; 2], spacing: [f64; 2], longest: usize) -> [usize; 2] {
    let [height, width] = [size[0] as f64 * spacing[0], size[1] as f64 * spacing[1]];
    let scale = longest as f64 / height.max(width);
    // A spacing that is no positive number gives at least a picture that can be drawn.
    [height, width].map(|side| ((side * scale).round() as usize).clamp(1, longest.max(1)))
}

fn check_sizes(from: [usize; 2], to: [usize; 2]) -> Result<()> {
    checked_area("what is resized", from)?;
    checked_area("its new size", to)?;
    // What is in between when only one axis has its new size.
    checked_area("its new size", [from[0], to[1]])?;
    Ok(())
}

/// Which pixel each new one repeats: the one in which its centre lies.
fn nearest(from: usize, to: usize) -> Vec<usize> {
    (0..to).map(|i| (2 * i + 1) * from / (2 * to)).collect()
}

/// Each new row as a weighted sum of rows.
fn blend_rows(rows: &ArrayView2<f32>, count: usize) -> Array2<f32> {
    let mut blended = Array2::zeros([count, rows.ncols()]);
    for (mut row, weights) in blended.outer_iter_mut().zip(triangles(rows.nrows(), count)) {
        for (from, weight) in weights {
            row.scaled_add(weight, &rows.row(from));
        }
    }
    blended
}

/// For each new pixel the old ones that it is made of, with weights that sum to 1.
fn triangles(from: usize, to: usize) -> impl Iterator<Item = Vec<(usize, f32)>> {
    let step = from as f64 / to as f64;
    let reach = step.max(1.0);
    (0..to).map(move |i| {
        let center = (i as f64 + 0.5) * step - 0.5;
        let first = (center - reach).ceil().max(0.0) as usize;
        let last = ((center + reach).floor().max(0.0) as usize).min(from.saturating_sub(1));
        let weight = |pixel: usize| 1.0 - (pixel as f64 - center).abs() / reach;
        let sum: f64 = (first..=last).map(weight).sum();
        (first..=last).map(|pixel| (pixel, (weight(pixel) / sum) as f32)).collect()
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, ArrayRef, Dimension, array, s};

    use super::{fit_within, resize_linear, resize_linear_rgb, resize_nearest};
    use crate::picture::Error;

    fn near<D: Dimension>(found: &ArrayRef<f32, D>, expected: &ArrayRef<f32, D>, tolerance: f32) -> bool {
        found.shape() == expected.shape()
            && found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= tolerance)
    }

    fn pattern() -> Array2<f32> {
        Array2::from_shape_fn((5, 6), |(r, c)| ((r * 6 + c) * 7 % 11) as f32 / 10.0)
    }

    #[test]
    fn linear_as_in_pillow() {
        // Image.fromarray(pattern).resize((columns, rows), Image.BILINEAR)
        let both = resize_linear(&pattern().view(), [3, 4]).unwrap();
        let expected = array![
            [0.47142857, 0.42539686, 0.7031746, 0.26428574],
            [0.55, 0.58641976, 0.48395064, 0.48472223],
            [0.47142857, 0.6174603, 0.4063492, 0.55892855]
        ];
        assert!(near(&both, &expected, 1e-6), "{both}");

        let larger = resize_linear(&pattern().view(), [8, 9]).unwrap();
        let third = array![
            0.8875, 0.6875, 0.4322917, 0.21145834, 0.471875, 0.72083336, 0.45416668, 0.221875, 0.05625
        ];
        assert!(near(&larger.row(2), &third, 1e-6), "{larger}");

        let mixed = resize_linear(&pattern().view(), [2, 13]).unwrap();
        let end = array![0.63076925, 0.44615385, 0.3653846, 0.31923077, 0.29999998];
        assert!(near(&mixed.slice(s![0, 8..]), &end, 1e-6), "{mixed}");
    }

    #[test]
    fn nearest_as_in_torch() {
        // torch.nn.functional.interpolate(mode="nearest-exact")
        let cells = Array2::from_shape_fn((3, 4), |(r, c)| r * 4 + c);
        let taller = resize_nearest(&cells.view(), [5, 3]).unwrap();
        assert_eq!(taller, array![[0, 2, 3], [0, 2, 3], [4, 6, 7], [8, 10, 11], [8, 10, 11]]);
        let wider = resize_nearest(&cells.view(), [2, 7]).unwrap();
        assert_eq!(wider, array![[0, 0, 1, 2, 2, 3, 3], [8, 8, 9, 10, 10, 11, 11]]);
    }

    #[test]
    fn colours_stay_apart() {
        let mut rgb = Array3::zeros((2, 2, 3));
        rgb.slice_mut(s![.., .., 1]).fill(255);
        rgb.slice_mut(s![.., 1, 2]).fill(100);
        let large = resize_linear_rgb(&rgb.view(), [3, 4]).unwrap();
        assert_eq!(large.slice(s![0, .., 1]), array![255, 255, 255, 255]);
        assert_eq!(large.slice(s![2, .., 2]), array![0, 25, 75, 100]);
        assert_eq!(large.slice(s![.., .., 0]), Array2::<u8>::zeros((3, 4)));
        let nearest = resize_nearest(&rgb.view(), [1, 4]).unwrap();
        assert_eq!(nearest.slice(s![0, .., 2]), array![0, 0, 100, 100]);
    }

    #[test]
    fn sizes_are_checked() {
        let none = Array2::<f32>::zeros((0, 3));
        assert!(matches!(resize_linear(&none.view(), [2, 2]), Err(Error::InvalidSize { found: [0, 3], .. })));
        assert!(matches!(resize_nearest(&none.view(), [2, 2]), Err(Error::InvalidSize { .. })));
        assert!(resize_linear(&pattern().view(), [0, 2]).is_err());
        assert!(resize_linear(&pattern().view(), [1, usize::MAX / 2]).is_err());
        assert!(resize_linear_rgb(&Array3::zeros((2, 2, 4)).view(), [2, 2]).is_err());
    }

    #[test]
    fn proportions_are_those_of_the_patient() {
        assert_eq!(fit_within([512, 512], [0.7, 0.7], 160), [160, 160]);
        assert_eq!(fit_within([10, 1000], [1.0, 1.0], 50), [1, 50]);
        assert_eq!(fit_within([10, 10], [f64::NAN, 1.0], 50), [1, 50]);
        assert_eq!(fit_within([0, 0], [1.0, 1.0], 0), [1, 1]);
    }
}
