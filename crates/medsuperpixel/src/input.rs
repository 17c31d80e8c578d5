//! Pixels as callers have them, and their range.

use medcore::{Scalar, Spacing};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Pixels `[channel, slice, row, column]`, contiguous.
pub(crate) struct Input<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) channels: usize,
    /// Slices, rows, columns.
    pub(crate) size: [usize; 3],
    pub(crate) spacing: Spacing,
    /// `[slice, row, column]`, contiguous: where segments may be.
    pub(crate) mask: Option<&'a [bool]>,
}

impl<T: Scalar> Input<'_, T> {
    /// Pixels of one channel.
    pub(crate) fn pixels(&self) -> usize {
        self.size.iter().product()
    }

    /// Pixels that are to be in a segment.
    pub(crate) fn masked_pixels(&self) -> usize {
        self.mask.map_or(self.pixels(), |mask| mask.par_iter().filter(|m| **m).count())
    }

    /// Smallest and largest value within the mask, over all channels.
    ///
    /// # Errors
    /// [`Error::NotFinite`], for the first such pixel.
    pub(crate) fn range(&self) -> Result<(f64, f64)> {
        const CHUNK: usize = 1 << 14;
        let found: Vec<(T, T, Option<usize>)> = self
            .values
            .par_chunks(CHUNK)
            .enumerate()
            .filter_map(|(i, chunk)| {
                match self.mask {
                    None => extremes(chunk, |_| true),
                    Some(mask) => extremes(chunk, |k| mask[(i * CHUNK + k) % self.pixels()]),
                }
                .map(|(low, high, bad)| (low, high, bad.map(|k| i * CHUNK + k)))
            })
            .collect();
        let bad = found.iter().filter_map(|(.., bad)| *bad).min();
        if let Some(k) = bad {
            return Err(self.not_finite(k));
        }
        let mut all = found.iter();
        let Some(&(mut low, mut high, _)) = all.next() else { return Err(Error::EmptyMask) };
        for &(l, h, _) in all {
            low = if l < low { l } else { low };
            high = if h > high { h } else { high };
        }
        Ok((low.to_f64(), high.to_f64()))
    }

    fn not_finite(&self, k: usize) -> Error {
        let pixels = self.pixels();
        let [_, rows, columns] = self.size;
        let p = k % pixels;
        Error::NotFinite {
            found: self.values[k].to_f64(),
            channel: k / pixels,
            index: [p / (rows * columns), p / columns % rows, p % columns],
        }
    }
}

/// Smallest and largest value of a chunk, and where the first value is that is not finite; `None` where nothing counts.
fn extremes<T: Scalar>(chunk: &[T], counts: impl Fn(usize) -> bool) -> Option<(T, T, Option<usize>)> {
    let first = (0..chunk.len()).find(|&k| counts(k))?;
    let (mut low, mut high) = (chunk[first], chunk[first]);
    let mut finite = true;
    for (k, &v) in chunk.iter().enumerate() {
        let within = counts(k);
        low = if within & (v < low) { v } else { low };
        high = if within & (v > high) { v } else { high };
        // NaN alone does not compare with itself; infinities show in the extremes.
        finite &= !within | v.partial_cmp(&v).is_some();
    }
    let finite = finite && low.to_f64().is_finite() && high.to_f64().is_finite();
    let bad = (!finite).then(|| (0..chunk.len()).find(|&k| counts(k) && !chunk[k].to_f64().is_finite()));
    Some((low, high, bad.flatten()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input<'a>(values: &'a [f32], mask: Option<&'a [bool]>) -> Input<'a, f32> {
        Input { values, channels: 2, size: [1, 2, 2], spacing: Spacing::isotropic(1.0), mask }
    }

    #[test]
    fn the_range_is_that_of_the_mask() {
        let values = [5.0, 1.0, 2.0, 9.0, 4.0, f32::NAN, 3.0, f32::INFINITY];
        let mask = [true, false, true, false];
        assert_eq!(input(&values, Some(&mask)).range(), Ok((2.0, 5.0)));
        assert_eq!(input(&values, Some(&[false; 4])).range(), Err(Error::EmptyMask));
        let found = input(&values, None).range().unwrap_err();
        assert!(matches!(found, Error::NotFinite { channel: 1, index: [0, 0, 1], .. }), "{found}");
        let found = input(&values, Some(&[true, false, true, true])).range().unwrap_err();
        assert!(matches!(found, Error::NotFinite { channel: 1, index: [0, 1, 1], .. }), "{found}");
    }
}
