//! Principal components as colours.

use ndarray::{Array2, ArrayView2};

use super::Result;
use super::canvas::Rgb;
use super::pca::{check_finite, counted_rows};

/// The colour of rows that do not count.
pub const NOT_COUNTED: Rgb = [0, 0, 0];
/// The middle of the range: a component that does not vary says nothing.
const MIDDLE: u8 = 128;

/// The first three columns of `scores`, `[n, components]`, as red, green and blue, `[n, 3]`.
///
/// Each spans its range from the 1st to the 99th percentile of the rows that are `counted` (all when `None`), so that a
/// few outliers do not take the contrast from the rest. Rows that do not count, such as the air around a patient, are
/// [`NOT_COUNTED`]. A component that does not vary, or that is not there, is half bright.
///
/// # Errors
/// [`Error::InvalidShape`](super::Error::InvalidShape) when `counted` has another length than `scores`,
/// [`Error::NotFinite`](super::Error::NotFinite) for NaN or infinity in a counted row.
pub fn scores_to_rgb(scores: &ArrayView2<f32>, counted: Option<&[bool]>) -> Result<Array2<u8>> {
    let counted = counted_rows(scores.nrows(), counted)?;
    check_finite(scores, &counted)?;
    let mut rgb = Array2::from_shape_fn([scores.nrows(), 3], |(_, channel)| NOT_COUNTED[channel]);
    for channel in 0..3 {
        let column: Option<Vec<f64>> = (channel < scores.ncols())
            .then(|| counted.iter().map(|&row| f64::from(scores[[row, channel]])).collect());
        let bytes = column.map_or_else(|| vec![MIDDLE; counted.len()], |values| stretched(&values));
        for (&row, byte) in counted.iter().zip(bytes) {
            rgb[[row, channel]] = byte;
        }
    }
    Ok(rgb)
}

fn stretched(values: &[f64]) -> Vec<u8> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (percentile(&sorted, 1.0), percentile(&sorted, 99.0));
    let byte = |value: &f64| ((value - low) / (high - low) * 255.0).round().clamp(0.0, 255.0) as u8;
    if high > low { values.iter().map(byte).collect() } else { vec![MIDDLE; values.len()] }
}

/// Linear between the two values around it, as NumPy's default; 0 when there are none.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = percent / 100.0 * sorted.len().saturating_sub(1) as f64;
    let below = place.floor() as usize;
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(below), Some(above)) => below + (above - below) * place.fract(),
        (Some(last), None) => *last,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use super::scores_to_rgb;
    use crate::picture::Error;

    fn scores() -> Array2<f32> {
        Array2::from_shape_fn((50, 3), |(i, channel)| {
            let row = i as f64;
            [(row * 1.7).sin() * 3.0, row * row * 0.01, (row * 0.9).cos() - 5.0][channel] as f32
        })
    }

    #[test]
    fn as_with_numpy() {
        // np.percentile(scores, [1, 99], axis=0), clip, rint
        let rgb = scores_to_rgb(&scores().view(), None).unwrap();
        for (row, expected) in
            [(0, [127, 0, 255]), (7, [48, 5, 255]), (30, [213, 97, 85]), (49, [255, 255, 254])]
        {
            assert_eq!(rgb.row(row).to_vec(), expected);
        }
    }

    #[test]
    fn rows_that_do_not_count_are_dark_and_change_no_range() {
        let mut scores = scores();
        let counted: Vec<bool> = (0..50).map(|row| row % 4 != 1).collect();
        scores[[1, 0]] = f32::INFINITY;
        let rgb = scores_to_rgb(&scores.view(), Some(&counted)).unwrap();
        for (row, expected) in [(0, [127, 0, 255]), (1, [0, 0, 0]), (30, [213, 101, 85]), (49, [0, 0, 0])] {
            assert_eq!(rgb.row(row).to_vec(), expected);
        }
        assert!(matches!(scores_to_rgb(&scores.view(), None), Err(Error::NotFinite { row: 1, .. })));
        assert!(matches!(
            scores_to_rgb(&scores.view(), Some(&counted[1..])),
            Err(Error::InvalidShape { .. })
        ));
        let none = scores_to_rgb(&scores.view(), Some(&[false; 50])).unwrap();
        assert!(none.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn what_does_not_vary_is_half_bright() {
        let rgb = scores_to_rgb(&array![[1.0, 4.0], [2.0, 4.0]].view(), None).unwrap();
        assert_eq!(rgb, array![[0, 128, 128], [255, 128, 128]]);
        assert_eq!(scores_to_rgb(&array![[3.0, 4.0, 5.0]].view(), None).unwrap(), array![[128, 128, 128]]);
        assert_eq!(scores_to_rgb(&scores().slice(s![..0, ..]), None).unwrap().shape(), [0, 3]);
    }
}
