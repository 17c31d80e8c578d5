//! Rows of values in 8 bits, in groups as the innermost product reads them.
#![allow(unsafe_code)]

use crate::simd::{Kernel, Simd};

/// Values that are rounded at a time.
const AT_ONCE: usize = 64;
/// Registers' worth of values of which the range is found at a time.
const WIDE: usize = 32;
/// The largest number of 8 bits.
const MOST: f32 = 255.0;
/// A scale below this is nothing: its reciprocal would soon not be finite.
const LEAST: f32 = 1e-35;
/// Added to a number below 2^22 in size it rounds it to a whole one, which then stands in the low bits.
pub(super) const ROUNDER: f32 = 12_582_912.0;

/// Rounds a row: `x` becomes whole numbers `q` from 0 to 255 with `x ≈ scale * (q - zero)`, at most half a scale off.
///
/// The result is the scale and the zero. Of a row with a value that is not finite the scale is NaN.
pub(crate) struct Rounded<'a> {
    pub(crate) row: &'a [f32],
    /// Values in a word, 2 or 4.
    pub(crate) group: usize,
    /// Where the first word goes; the last one is filled up with zeros.
    pub(crate) to: *mut u32,
    /// From a word to the next.
    pub(crate) step: usize,
}

impl Kernel for Rounded<'_> {
    type Output = (f32, i32);

    /// Plain Rust, which the compiler makes vectors of: the same values with every instruction set.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (f32, i32) {
        let (scale, inverse, zero) = scale(range(self.row));
        let mut to = self.to;
        for values in self.row.chunks(AT_ONCE) {
            let mut bytes = [0_u8; AT_ONCE];
            for (byte, &x) in bytes.iter_mut().zip(values) {
                *byte = round(x * inverse + zero);
            }
            for group in bytes[..values.len().next_multiple_of(self.group)].chunks_exact(self.group) {
                // SAFETY: the caller has room for as many words.
                unsafe { to.write(word(group)) };
                to = to.wrapping_add(self.step);
            }
        }
        (scale, zero as i32)
    }
}

/// A group of values as one number: four in a byte each, or two in 16 bits each.
#[inline(always)]
fn word(group: &[u8]) -> u32 {
    match *group {
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
        [a, b] => u32::from(a) | u32::from(b) << 16,
        _ => 0,
    }
}

#[inline(always)]
fn round(x: f32) -> u8 {
    // Not `clamp`, which asks for NaN too.
    let x = if x > 0.0 { x } else { 0.0 };
    let x = if x < MOST { x } else { MOST };
    (x + ROUNDER).to_bits() as u8
}

/// The range of a row and 0; none if a value is not finite.
#[inline(always)]
fn range(row: &[f32]) -> Option<[f32; 2]> {
    let (mut low, mut high, mut size) = ([0.0_f32; WIDE], [0.0_f32; WIDE], [0_u32; WIDE]);
    let mut add = |values: &[f32]| {
        for (i, &x) in values.iter().enumerate() {
            low[i] = if x < low[i] { x } else { low[i] };
            high[i] = if x > high[i] { x } else { high[i] };
            size[i] = size[i].max(x.to_bits() & 0x7fff_ffff);
        }
    };
    let mut whole = row.chunks_exact(WIDE);
    whole.by_ref().for_each(&mut add);
    add(whole.remainder());
    let finite = size.iter().all(|&size| size < f32::INFINITY.to_bits());
    finite.then(|| [low.into_iter().fold(0.0, f32::min), high.into_iter().fold(0.0, f32::max)])
}

/// Scale, its reciprocal, and zero.
fn scale(range: Option<[f32; 2]>) -> (f32, f32, f32) {
    let Some([low, high]) = range else { return (f32::NAN, 0.0, 0.0) };
    let scale = high / MOST - low / MOST;
    if scale < LEAST {
        return (0.0, 0.0, 0.0);
    }
    let inverse = 1.0 / scale;
    (scale, inverse, (-low * inverse).round().min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, run};

    fn rounded(isa: Isa, row: &[f32], group: usize) -> (Vec<u32>, f32, i32) {
        let mut words = vec![u32::MAX; 3 * row.len().div_ceil(group)];
        let (scale, zero) = run(isa, Rounded { row, group, to: words.as_mut_ptr(), step: 3 });
        (words.into_iter().step_by(3).collect(), scale, zero)
    }

    #[test]
    fn values_are_half_a_scale_off_at_most() {
        for isa in Isa::available() {
            for n in [1, 2, 3, 31, 64, 65, 200] {
                for (low, high) in [(-1.0, 3.0), (0.5, 0.7), (-9e3, -8e3), (-1e-20, 1e-20), (-3e38, 3e38)] {
                    let value = |i: usize| {
                        let part = ((i * 31) % 98) as f32 / 97.0;
                        low * (1.0 - part) + high * part
                    };
                    let row: Vec<f32> = (0..n).map(value).collect();
                    let (words, scale, zero) = rounded(isa, &row, 4);
                    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                    for (&x, &q) in row.iter().zip(&bytes) {
                        let back = scale * (i32::from(q) - zero) as f32;
                        assert!((back - x).abs() <= 0.501 * scale, "{isa}, {x} became {back}, scale {scale}");
                    }
                    assert!(bytes[n..].iter().all(|&q| q == 0));
                    let (pairs, ..) = rounded(isa, &row, 2);
                    let halves: Vec<u8> =
                        pairs.iter().flat_map(|word| [*word as u8, (word >> 16) as u8]).collect();
                    assert_eq!(halves[..n], bytes[..n]);
                }
            }
        }
    }

    #[test]
    fn zero_stays_zero_and_what_is_not_finite_shows() {
        for isa in Isa::available() {
            let (words, scale, zero) = rounded(isa, &[-1.0, 0.0, 2.0, 0.0], 4);
            let [_, a, _, b] = words[0].to_le_bytes();
            assert_eq!([i32::from(a), i32::from(b)], [zero; 2]);
            assert!(scale > 0.0);
            for nothing in [[0.0; 2], [1e-40, -1e-40]] {
                assert_eq!(rounded(isa, &nothing, 2).1, 0.0);
            }
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut row = [1.0; 70];
                row[66] = bad;
                assert!(rounded(isa, &row, 4).1.is_nan());
            }
        }
    }
}
