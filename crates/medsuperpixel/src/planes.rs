//! What pixels are compared by: features in fixed point.
//!
//! Integers make sums over a segment exact, so that they depend neither on the order of pixels nor on the number of threads.

use std::any::Any;

use medcore::Scalar;
use rayon::prelude::*;

use crate::error::Result;
use crate::input::Input;
use crate::lab::Linear;
use crate::simd::Vectors;
use crate::smooth::smooth;

/// Fewest columns that are kept of a row, so that a block of pixels always fits in it.
pub(crate) const LEAST_STRIDE: usize = 16;
/// Steps per unit of L, a and b.
const LAB_QUANTA: f32 = 256.0;
/// Steps per range of other values.
const RANGE_QUANTA: f32 = 32767.0;

/// The sum with a small number is rounded to a whole number, which is in its lowest bits.
const ROUND: f32 = 12_582_912.0;

/// Features `[row, channel, column]`, the rows of all slices one after the other.
pub(crate) struct Planes {
    /// Slices, rows, columns.
    pub(crate) size: [usize; 3],
    pub(crate) channels: usize,
    /// From one channel of a row to the next: the columns, but never less than a block.
    pub(crate) stride: usize,
    /// Steps per unit: of Lab, or of the range of values.
    pub(crate) quanta: f32,
    pub(crate) values: Vec<i16>,
}

/// How pixels become features.
pub(crate) struct Conversion {
    /// From red, green and blue to Lab.
    pub(crate) lab: bool,
    /// The values that become 0 and 1.
    pub(crate) range: (f64, f64),
    /// Standard deviations of a Gaussian in pixels: slice, row, column.
    pub(crate) sigma: [f64; 3],
}

impl Planes {
    pub(crate) fn new<T: Scalar>(
        input: &Input<'_, T>,
        conversion: &Conversion,
        vectors: Vectors,
    ) -> Result<Self> {
        let (size, channels) = (input.size, input.channels);
        let stride = size[2].max(LEAST_STRIDE);
        let rows = size[0] * size[1];
        let quanta = if conversion.lab { LAB_QUANTA } else { RANGE_QUANTA };
        let mut values: Vec<i16> = medcore::zeroed(rows * channels * stride)?;
        let source = Source::new(input, conversion, vectors);
        if conversion.sigma.iter().all(|s| *s == 0.0) {
            let scratch = || vec![0.0f32; channels * stride];
            values.par_chunks_mut(channels * stride).enumerate().for_each_init(
                scratch,
                |floats, (r, out)| {
                    source.row(r, floats, stride);
                    vectors.quantise(floats, quanta, out);
                },
            );
        } else {
            let mut floats: Vec<f32> = medcore::zeroed(values.len())?;
            floats
                .par_chunks_mut(channels * stride)
                .enumerate()
                .for_each(|(r, out)| source.row(r, out, stride));
            let mut floats = smooth(floats, size, channels * stride, stride, conversion.sigma)?;
            if let Some(mask) = input.mask {
                let weights = weights(mask, size, stride, conversion.sigma)?;
                normalise(&mut floats, &weights, mask, (size[2], stride));
            }
            let chunk = channels * stride;
            values
                .par_chunks_mut(chunk)
                .zip(floats.par_chunks(chunk))
                .for_each(|(out, row)| vectors.quantise(row, quanta, out));
        }
        Ok(Self { size, channels, stride, quanta, values })
    }

    /// One row of all channels.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &[i16] {
        let len = self.channels * self.stride;
        &self.values[row * len..][..len]
    }
}

/// How much of a Gaussian around each pixel lies within a mask: lines of `stride`.
fn weights(mask: &[bool], size: [usize; 3], stride: usize, sigma: [f64; 3]) -> Result<Vec<f32>> {
    let mut weights: Vec<f32> = medcore::zeroed(size[0] * size[1] * stride)?;
    for (line, mask) in weights.chunks_mut(stride).zip(mask.chunks(size[2])) {
        line.iter_mut().zip(mask).for_each(|(w, m)| *w = f32::from(u8::from(*m)));
    }
    smooth(weights, size, stride, stride, sigma)
}

/// Makes sums over a mask means over it: what is outside, as 0, was smoothed too (normalised convolution, Knutsson and Westin 1993).
fn normalise(floats: &mut [f32], weights: &[f32], mask: &[bool], (columns, stride): (usize, usize)) {
    let row_len = floats.len() / (weights.len() / stride);
    let rows = floats.par_chunks_mut(row_len).zip(weights.par_chunks(stride)).zip(mask.par_chunks(columns));
    rows.for_each(|((row, weights), mask)| {
        for line in row.chunks_mut(stride) {
            for ((value, weight), inside) in line.iter_mut().zip(weights).zip(mask) {
                *value = if *inside { *value / weight } else { 0.0 };
            }
        }
    });
}

#[inline(always)]
pub(crate) fn quantise(values: &[f32], quanta: f32, out: &mut [i16]) {
    for (o, v) in out.iter_mut().zip(values) {
        *o = (v * quanta + ROUND).to_bits() as i16;
    }
}

/// Reads rows as floating point features.
struct Source<'a, T> {
    input: &'a Input<'a, T>,
    low: f64,
    factor: f64,
    linear: Option<Linear>,
    /// [`Linear`] of the values 0 to 255, where there are no others.
    bytes: Vec<f32>,
    vectors: Vectors,
}

impl<'a, T: Scalar> Source<'a, T> {
    fn new(input: &'a Input<'a, T>, conversion: &Conversion, vectors: Vectors) -> Self {
        let (low, high) = conversion.range;
        let factor = if high > low { 1.0 / (high - low) } else { 0.0 };
        let linear = conversion.lab.then(Linear::new);
        let bytes = match &linear {
            Some(linear) if T::NAME == u8::NAME => {
                (0..256).map(|v| linear.at(((f64::from(v) - low) * factor) as f32)).collect()
            }
            _ => Vec::new(),
        };
        Self { input, low, factor, linear, bytes, vectors }
    }

    /// One row of all channels, each `stride` long.
    fn row(&self, row: usize, out: &mut [f32], stride: usize) {
        let columns = self.input.size[2];
        let rows = self.input.pixels() / columns;
        for (c, out) in out.chunks_mut(stride).enumerate() {
            let values = &self.input.values[(c * rows + row) * columns..][..columns];
            self.channel(values, &mut out[..columns]);
        }
        if self.linear.is_some() {
            let (l, rest) = out.split_at_mut(stride);
            let (a, b) = rest.split_at_mut(stride);
            self.vectors.lab_row(l, a, b);
        }
        if let Some(mask) = self.input.mask {
            // What is there may be NaN, and must not reach the smoothing.
            let mask = &mask[row * columns..][..columns];
            for out in out.chunks_mut(stride) {
                out.iter_mut().zip(mask).filter(|(_, m)| !**m).for_each(|(o, _)| *o = 0.0);
            }
        }
    }

    /// To 0..1, and on to linear light for Lab.
    fn channel(&self, values: &[T], out: &mut [f32]) {
        match &self.linear {
            Some(_) if let Some(table) = self.bytes.first_chunk::<256>() => {
                for (o, v) in out.iter_mut().zip(values) {
                    let byte = (v as &dyn Any).downcast_ref::<u8>();
                    *o = byte.map_or(0.0, |byte| table[usize::from(*byte)]);
                }
            }
            Some(linear) => {
                for (o, v) in out.iter_mut().zip(values) {
                    *o = linear.at(((v.to_f64() - self.low) * self.factor) as f32);
                }
            }
            None if size_of::<T>() <= 2 || T::NAME == f32::NAME => {
                let (low, factor) = (self.low as f32, self.factor as f32);
                for (o, v) in out.iter_mut().zip(values) {
                    *o = ((v.to_f32() - low) * factor).clamp(0.0, 1.0);
                }
            }
            None => {
                for (o, v) in out.iter_mut().zip(values) {
                    *o = ((v.to_f64() - self.low) * self.factor).clamp(0.0, 1.0) as f32;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use medcore::Spacing;

    use super::*;

    #[test]
    fn smoothing_within_a_mask_keeps_what_is_constant() {
        let size = [3, 11, 13];
        // A ball, and a pixel on its own in a corner; other values beyond.
        let mask: Vec<bool> = (0..3 * 11 * 13)
            .map(|i| {
                (i / 143 % 3 - 1i32).pow(2) + (i / 13 % 11 - 5).pow(2) + (i % 13 - 6).pow(2) < 16 || i == 0
            })
            .collect();
        let values: Vec<f32> = [0.25, 0.5]
            .iter()
            .flat_map(|inside| mask.iter().map(move |m| if *m { *inside } else { f32::NAN }))
            .collect();
        let input =
            Input { values: &values, channels: 2, size, spacing: Spacing::isotropic(1.0), mask: Some(&mask) };
        let conversion = Conversion { lab: false, range: (0.0, 1.0), sigma: [0.7, 2.0, 1.0] };
        let planes = Planes::new(&input, &conversion, Vectors::widest()).unwrap();
        for (r, mask) in mask.chunks(13).enumerate() {
            for (channel, expected) in planes.row(r).chunks(planes.stride).zip([0.25, 0.5]) {
                for (v, inside) in channel.iter().zip(mask) {
                    let expected = if *inside { expected * RANGE_QUANTA } else { 0.0 };
                    // 0.5 is between two steps.
                    assert!((f32::from(*v) - expected).abs() <= 0.51, "{v}, expected {expected}");
                }
            }
        }
    }
}
