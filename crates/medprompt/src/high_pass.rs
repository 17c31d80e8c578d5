//! The high frequencies of an image.

use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis};
use rustfft::num_complex::Complex32;
use rustfft::{FftDirection, FftPlanner};

use crate::error::{Result, config};

/// Half the side of the square of low frequencies that [`high_pass`] removes from an image of `height` x `width`:
/// `floor(sqrt(height * width * ratio) / 2)` (EVP, arXiv 2303.10883, section 3.2).
pub fn high_pass_line(height: usize, width: usize, ratio: f64) -> usize {
    (((height * width) as f64 * ratio).sqrt() / 2.0).floor() as usize
}

/// The high-frequency component of one channel `[row, column]`: the magnitude of what is left when the low frequencies are gone.
///
/// A square of half-side [`high_pass_line`] around the zero frequency of the shifted spectrum becomes zero. Where the square is
/// larger than the spectrum along an axis, which takes a very long image, it ends with the spectrum.
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) unless `ratio` is from 0 to 1.
pub fn high_pass(channel: ArrayView2<'_, f32>, ratio: f64) -> Result<Array2<f32>> {
    if !(0.0..=1.0).contains(&ratio) {
        return Err(config("ratio", "0 to 1", ratio));
    }
    let (height, width) = channel.dim();
    let mut spectrum = channel.mapv(|v| Complex32::new(v, 0.0));
    transform(&mut spectrum, FftDirection::Forward);
    let line = high_pass_line(height, width, ratio);
    let (rows, columns) = (low_frequencies(height, line), low_frequencies(width, line));
    for (mut row, _) in spectrum.rows_mut().into_iter().zip(&rows).filter(|(_, low)| **low) {
        row.iter_mut().zip(&columns).filter(|(_, low)| **low).for_each(|(v, _)| *v = Complex32::default());
    }
    transform(&mut spectrum, FftDirection::Inverse);
    let scale = 1.0 / (height * width) as f32;
    Ok(spectrum.mapv(|v| (v.re * scale).abs()))
}

/// [`high_pass`] of every channel of a batch `[batch, channel, row, column]`.
///
/// # Errors
/// As [`high_pass`].
pub fn high_pass_batch(images: ArrayView4<'_, f32>, ratio: f64) -> Result<Array4<f32>> {
    let mut passed = Array4::zeros(images.dim());
    for (image, mut out) in images.outer_iter().zip(passed.outer_iter_mut()) {
        for (channel, mut out) in image.outer_iter().zip(out.outer_iter_mut()) {
            out.assign(&high_pass(channel, ratio)?);
        }
    }
    Ok(passed)
}

/// Which of `length` frequencies are within the square, in the order of the transform. The shifted spectrum has frequency
/// `k` at `(k + length / 2) mod length`, and the square is `length / 2 - line .. length / 2 + line` there.
fn low_frequencies(length: usize, line: usize) -> Vec<bool> {
    let center = length / 2;
    let square = center.saturating_sub(line)..(center + line).min(length);
    (0..length).map(|k| square.contains(&((k + center) % length))).collect()
}

/// The transform along both axes, without a scale.
fn transform(values: &mut Array2<Complex32>, direction: FftDirection) {
    let mut planner = FftPlanner::new();
    for axis in [Axis(1), Axis(0)] {
        let plan = planner.plan_fft(values.len_of(axis), direction);
        let mut scratch = vec![Complex32::default(); plan.get_inplace_scratch_len()];
        for mut lane in values.lanes_mut(axis) {
            let mut line = lane.to_vec();
            plan.process_with_scratch(&mut line, &mut scratch);
            lane.iter_mut().zip(line).for_each(|(to, from)| *to = from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_follows_the_formula() {
        assert_eq!(high_pass_line(352, 352, 0.25), 88);
        assert_eq!(high_pass_line(100, 50, 0.25), 17);
        assert_eq!(high_pass_line(7, 5, 0.0), 0);
    }

    #[test]
    fn nothing_removed_is_the_magnitude_and_all_removed_is_nothing() {
        let image = Array2::from_shape_fn((6, 10), |(r, c)| ((r * 7 + c * 3) % 5) as f32 - 2.0);
        let same = high_pass(image.view(), 0.0).unwrap();
        assert!(same.iter().zip(&image).all(|(a, b)| (a - b.abs()).abs() < 1e-5));
        let none = high_pass(Array2::ones((8, 8)).view(), 1.0).unwrap();
        assert!(none.iter().all(|v| *v < 1e-6));
    }

    #[test]
    fn long_images_and_single_pixels_work_and_wrong_ratios_do_not() {
        assert_eq!(high_pass(Array2::ones((2, 400)).view(), 0.9).unwrap().dim(), (2, 400));
        assert_eq!(high_pass(Array2::ones((1, 1)).view(), 0.25).unwrap().dim(), (1, 1));
        for ratio in [-0.1, 1.5, f64::NAN] {
            assert!(high_pass(Array2::ones((4, 4)).view(), ratio).is_err());
        }
    }
}
