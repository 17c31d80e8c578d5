//! Labels drawn over a picture.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3};

use super::canvas::{Rgb, check_rgb};
use super::{Error, Result};

/// Colours of labels 1, 2, 3, ..., which begin again after the last.
const COLORS: [Rgb; 8] = [
    [255, 196, 0],
    [0, 200, 255],
    [255, 80, 120],
    [120, 230, 80],
    [190, 120, 255],
    [255, 140, 40],
    [60, 220, 190],
    [240, 240, 120],
];

/// The colour of a label, no two the same for the first few dozens; the background is black.
pub fn label_color(label: u16) -> Rgb {
    match usize::from(label).checked_sub(1) {
        None => [0; 3],
        Some(index) => COLORS.get(index).copied().unwrap_or_else(|| spread_color(index)),
    }
}

/// Steps of the golden angle fill the circle of hues evenly, however many there are.
fn spread_color(index: usize) -> Rgb {
    let hue = (index as f64 * 0.618_033_988_75).fract() * 6.0;
    let light = [1.0, 0.75, 0.9][index % 3];
    let channel = |shift: f64| {
        let distance = ((hue + shift).rem_euclid(6.0) - 3.0).abs();
        ((0.15 + 0.85 * (distance - 1.0).clamp(0.0, 1.0)) * light * 255.0).round() as u8
    };
    [channel(0.0), channel(4.0), channel(2.0)]
}

/// A colour picture `[row, column, 3]` with labels `[row, column]` over it: each region is tinted by `tint` of its colour, from 0 (not at
/// all) to 1 (nothing else), and has a border of its colour, one pixel wide, on its inside.
///
/// # Errors
/// [`Error::InvalidShape`] when the last axis is not red, green and blue, or the labels have another size.
pub fn overlay(pixels: &ArrayView3<u8>, labels: &ArrayView2<u16>, tint: f32) -> Result<Array3<u8>> {
    check_rgb(pixels)?;
    let (rows, columns, _) = pixels.dim();
    if labels.dim() != (rows, columns) {
        return Err(Error::InvalidShape {
            what: "labels over a picture",
            expected: format!("[{rows}, {columns}]"),
            found: format!("{:?}", labels.shape()),
        });
    }
    let border = borders(labels);
    let tint = tint.clamp(0.0, 1.0);
    Ok(Array3::from_shape_fn([rows, columns, 3], |(r, c, k)| {
        let (old, label) = (pixels[[r, c, k]], labels[[r, c]]);
        match (label, border[[r, c]]) {
            (0, _) => old,
            (label, true) => label_color(label)[k],
            (label, false) => {
                let (old, new) = (f32::from(old), f32::from(label_color(label)[k]));
                (old + tint * (new - old)).round() as u8
            }
        }
    }))
}

/// Labelled pixels that share a side with another label; the rim of the picture is no border.
fn borders(labels: &ArrayView2<u16>) -> Array2<bool> {
    Array2::from_shape_fn(labels.dim(), |(r, c)| {
        let own = labels[[r, c]];
        let beside = [(r.wrapping_sub(1), c), (r + 1, c), (r, c.wrapping_sub(1)), (r, c + 1)];
        own != 0 && beside.into_iter().any(|at| labels.get(at).is_some_and(|other| *other != own))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, s};

    use super::{label_color, overlay};
    use crate::picture::Error;

    #[test]
    fn regions_are_tinted_and_bordered() {
        let pixels = Array3::<u8>::zeros((7, 7, 3));
        let mut labels = Array2::<u16>::zeros((7, 7));
        labels.slice_mut(s![1..6, 1..6]).fill(2);
        let drawn = overlay(&pixels.view(), &labels.view(), 0.5).unwrap();
        let color = label_color(2);
        assert_eq!(drawn.slice(s![0, 0, ..]).to_vec(), [0, 0, 0]);
        assert_eq!(drawn.slice(s![1, 3, ..]).to_vec(), color);
        let half = color.map(|v| (f32::from(v) / 2.0).round() as u8);
        assert_eq!(drawn.slice(s![3, 3, ..]).to_vec(), half);
        // At the rim of the picture there is nothing to be told apart from.
        labels.fill(1);
        let whole = overlay(&pixels.view(), &labels.view(), 0.0).unwrap();
        assert!(whole.iter().all(|v| *v == 0));
    }

    #[test]
    fn labels_of_another_size_are_refused() {
        let pixels = Array3::<u8>::zeros((4, 5, 3));
        let error = overlay(&pixels.view(), &Array2::zeros((5, 4)).view(), 0.3).unwrap_err();
        assert!(matches!(error, Error::InvalidShape { .. }));
        assert!(overlay(&Array3::zeros((4, 5, 4)).view(), &Array2::zeros((4, 5)).view(), 0.3).is_err());
    }

    #[test]
    fn every_label_but_the_background_has_a_colour() {
        assert_eq!(label_color(0), [0; 3]);
        let colors: std::collections::BTreeSet<_> = (0..40).map(label_color).collect();
        assert_eq!(colors.len(), 40);
        assert_ne!(label_color(1), label_color(2));
        assert_ne!(label_color(u16::MAX), [0; 3]);
    }
}
