//! From stored bytes to real values (PS3.5 8.1, PS3.3 C.7.6.3 and C.11.1).

/// How a sample is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SampleFormat {
    pub(super) bits_allocated: u16,
    pub(super) bits_stored: u16,
    pub(super) high_bit: u16,
    pub(super) signed: bool,
    pub(super) big_endian: bool,
    /// Float or double pixel data, in place of integers.
    pub(super) float: bool,
}

impl SampleFormat {
    /// Whether the bits stored lie within the bits allocated.
    pub(super) fn is_consistent(self) -> bool {
        self.bits_stored >= 1
            && self.bits_stored <= self.bits_allocated
            && self.high_bit < self.bits_allocated
            && self.high_bit >= self.bits_stored - 1
    }

    /// The stored value in a cell of up to 16 bits: bits above the high bit and below the low one (overlays, once) are
    /// dropped, and the sign is that of the bits stored. The format must be consistent.
    #[inline]
    pub(super) fn stored(self, cell: u32) -> i32 {
        let left = 31 - u32::from(self.high_bit);
        let right = 32 - u32::from(self.bits_stored);
        let aligned = cell << left;
        if self.signed { aligned as i32 >> right } else { (aligned >> right) as i32 }
    }

    /// The same in a cell of 32 bits.
    #[inline]
    fn stored_wide(self, cell: u32) -> i64 {
        let left = 31 - u32::from(self.high_bit);
        let right = 32 - u32::from(self.bits_stored);
        let aligned = cell << left;
        if self.signed { i64::from(aligned as i32 >> right) } else { i64::from(aligned >> right) }
    }

    /// A value of an attribute "US or SS", such as Pixel Padding Value. Some writers give the bits that are stored, without the sign
    /// above them.
    pub(super) fn attribute(self, bits: u16) -> i32 {
        let sign = 1u32.checked_shl(u32::from(self.bits_stored).wrapping_sub(1)).unwrap_or(0);
        let (value, only_stored) =
            (u32::from(bits), self.bits_stored < 16 && u32::from(bits) >> self.bits_stored == 0);
        match self.signed {
            true if only_stored && value & sign != 0 => i32::from(bits) - (1 << self.bits_stored),
            true => i32::from(bits as i16),
            false => i32::from(bits),
        }
    }
}

/// The stored values between two padding values, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PaddingRange {
    pub(super) low: i32,
    pub(super) high: i32,
}

/// `slope * stored + intercept`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rescale {
    pub(super) slope: f64,
    pub(super) intercept: f64,
}

impl Rescale {
    /// With values so many times as large.
    pub(super) fn times(self, factor: f64) -> Self {
        Self { slope: factor * self.slope, intercept: factor * self.intercept }
    }
}

/// What to do with the samples of one slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Conversion {
    pub(super) format: SampleFormat,
    pub(super) rescale: Rescale,
    pub(super) padding: Option<PaddingRange>,
    /// The same for floats.
    pub(super) float_padding: Option<(f64, f64)>,
    /// In place of padding; it stays what rescaling makes of it when there is none.
    pub(super) padding_value: Option<f32>,
}

impl Conversion {
    /// Converts samples to real values in one pass; as many as both sides have. `skipped_bits` of the first byte belong to
    /// another image. Returns how many are padding.
    pub(super) fn apply(&self, bytes: &[u8], skipped_bits: u8, out: &mut [f32]) -> u64 {
        // One loop per layout, so that the choice is not made again for each sample.
        let (format, big) = (self.format, self.format.big_endian);
        let (twos, fours, eights) =
            (bytes.as_chunks::<2>().0, bytes.as_chunks::<4>().0, bytes.as_chunks::<8>().0);
        match (format.float, format.bits_allocated) {
            (true, 32) if big => self.floats(fours.iter().map(|b| f32::from_be_bytes(*b)), out),
            (true, 32) => self.floats(fours.iter().map(|b| f32::from_le_bytes(*b)), out),
            (true, _) if big => self.floats(eights.iter().map(|b| f64::from_be_bytes(*b)), out),
            (true, _) => self.floats(eights.iter().map(|b| f64::from_le_bytes(*b)), out),
            (false, 1) => self.integers(bits(bytes, skipped_bits), out),
            (false, 8) => self.integers(bytes.iter().map(|b| u32::from(*b)), out),
            (false, 16) if big => self.integers(twos.iter().map(|b| u32::from(u16::from_be_bytes(*b))), out),
            (false, 16) => self.integers(twos.iter().map(|b| u32::from(u16::from_le_bytes(*b))), out),
            (false, _) if big => self.wide(fours.iter().map(|b| u32::from_be_bytes(*b)), out),
            (false, _) => self.wide(fours.iter().map(|b| u32::from_le_bytes(*b)), out),
        }
    }

    fn floats<S: Copy + PartialOrd + Into<f64>>(
        &self,
        cells: impl Iterator<Item = S>,
        out: &mut [f32],
    ) -> u64 {
        self.convert(cells.map(Into::into), self.float_padding, out)
    }

    fn integers(&self, cells: impl Iterator<Item = u32>, out: &mut [f32]) -> u64 {
        let format = self.format;
        self.convert(cells.map(|cell| format.stored(cell)), self.padding.map(|p| (p.low, p.high)), out)
    }

    fn wide(&self, cells: impl Iterator<Item = u32>, out: &mut [f32]) -> u64 {
        let format = self.format;
        let limits = self.padding.map(|p| (p.low, p.high));
        if format.signed {
            self.convert(cells.map(|cell| format.stored_wide(cell) as i32), limits, out)
        } else {
            let limits = limits.map(|(low, high)| (low.max(0) as u32, high.max(0) as u32));
            self.convert(cells.map(|cell| format.stored_wide(cell) as u32), limits, out)
        }
    }

    fn convert<S: Copy + PartialOrd + Into<f64>>(
        &self,
        stored: impl Iterator<Item = S>,
        padding: Option<(S, S)>,
        out: &mut [f32],
    ) -> u64 {
        let Rescale { slope, intercept } = self.rescale;
        let real = |stored: S| (stored.into() * slope + intercept) as f32;
        let Some((low, high)) = padding else {
            for (voxel, stored) in out.iter_mut().zip(stored) {
                *voxel = real(stored);
            }
            return 0;
        };
        let mut padded = 0;
        for (voxel, stored) in out.iter_mut().zip(stored) {
            *voxel = real(stored);
            // A padding value that is no number (NaN) marks those that are none.
            let is_none = |x: S| x.partial_cmp(&x).is_none();
            if (low <= stored && stored <= high) || (is_none(stored) && is_none(low)) {
                padded += 1;
                *voxel = self.padding_value.unwrap_or(*voxel);
            }
        }
        padded
    }
}

/// Single bits, the least significant of each byte first (PS3.5 8.1.1).
fn bits(bytes: &[u8], skipped: u8) -> impl Iterator<Item = u32> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| u32::from(byte >> bit & 1))).skip(usize::from(skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bits_stored: u16, high_bit: u16, signed: bool) -> SampleFormat {
        SampleFormat { bits_allocated: 16, bits_stored, high_bit, signed, big_endian: false, float: false }
    }

    #[test]
    fn shift_mask_and_sign() {
        assert_eq!(format(12, 11, false).stored(0xF7FF), 0x7FF);
        assert_eq!(format(12, 11, true).stored(0x0800), -2048);
        assert_eq!(format(12, 15, true).stored(0x800F), -2048);
        assert_eq!(format(12, 15, false).stored(0x800F), 0x800);
        assert_eq!(format(16, 15, true).stored(0x8000), -32768);
        assert_eq!(format(16, 15, false).stored(0xFFFF), 65535);
        assert_eq!(format(1, 0, false).stored(0xFFFF), 1);
    }

    #[test]
    fn inconsistent_bits() {
        assert!(format(12, 11, false).is_consistent());
        for (stored, high) in [(0, 0), (17, 16), (12, 16), (12, 10), (0, u16::MAX)] {
            assert!(!format(stored, high, false).is_consistent(), "{stored} {high}");
        }
    }

    #[test]
    fn a_padding_value_may_lack_its_sign() {
        let format = SampleFormat {
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            signed: true,
            big_endian: false,
            float: false,
        };
        assert_eq!(format.attribute(0xF800), -2048);
        assert_eq!(format.attribute(0x0800), -2048);
        assert_eq!(format.attribute(0x07FF), 2047);
        // No stored value is that low: none is padding.
        assert_eq!(format.attribute(0xF448), -3000);
        assert_eq!(SampleFormat { signed: false, ..format }.attribute(0x0800), 2048);
    }

    #[test]
    fn padding_is_told_by_the_stored_value() {
        let conversion = Conversion {
            format: format(16, 15, true),
            rescale: Rescale { slope: 2.0, intercept: 1.0 },
            padding: Some(PaddingRange { low: -2000, high: -1999 }),
            float_padding: None,
            padding_value: Some(-7.0),
        };
        let bytes: Vec<u8> = [-2000i16, -1999, -1998, 3].iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut out = [0.0; 4];
        assert_eq!(conversion.apply(&bytes, 0, &mut out), 2);
        assert_eq!(out, [-7.0, -7.0, -3995.0, 7.0]);
        let kept = Conversion { padding_value: None, ..conversion };
        assert_eq!(kept.apply(&bytes, 0, &mut out), 2);
        assert_eq!(out, [-3999.0, -3997.0, -3995.0, 7.0]);
    }
}
