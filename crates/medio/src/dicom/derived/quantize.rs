//! Real values in 16 bits.

use medcore::Scalar;

use crate::dicom::write::rounded_decimal;

/// The most that fits 16 bits.
const RANGE: f64 = 65_535.0;

/// How values are stored: `slope * stored + intercept`, slope and intercept being what their decimal strings say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantization {
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) signed: bool,
    pub(super) smallest: f64,
    pub(super) largest: f64,
}

impl Quantization {
    /// The finest that holds all values. `None` when one is not finite.
    pub(super) fn of<T: Scalar>(values: &[T]) -> Option<Self> {
        let (mut smallest, mut largest, mut whole) = (f64::INFINITY, f64::NEG_INFINITY, true);
        for value in values {
            let value = value.to_f64();
            if !value.is_finite() {
                return None;
            }
            smallest = smallest.min(value);
            largest = largest.max(value);
            whole &= value.fract() == 0.0;
        }
        let exact = whole && largest - smallest <= RANGE;
        let fits_signed = smallest >= f64::from(i16::MIN) && largest <= f64::from(i16::MAX);
        let found = |slope, intercept, signed| Self { slope, intercept, signed, smallest, largest };
        if exact && fits_signed {
            return Some(found(1.0, 0.0, true));
        }
        let intercept = rounded_decimal(smallest);
        if exact && intercept == smallest {
            return Some(found(1.0, intercept, false));
        }
        // What the decimal string rounds up by at most, so that the largest value is not beyond the last step.
        let slope = rounded_decimal((largest - intercept) / RANGE * (1.0 + 1e-9));
        let usable = slope.is_finite() && slope > 0.0;
        Some(found(if usable { slope } else { 1.0 }, intercept, false))
    }

    /// The 16 bits of a value.
    pub(super) fn stored<T: Scalar>(&self, value: T) -> [u8; 2] {
        let stored = ((value.to_f64() - self.intercept) / self.slope).round();
        if self.signed { (stored as i16).to_le_bytes() } else { (stored as u16).to_le_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(q: &Quantization, value: f64) -> f64 {
        let bytes = q.stored(value);
        let stored = if q.signed {
            f64::from(i16::from_le_bytes(bytes))
        } else {
            f64::from(u16::from_le_bytes(bytes))
        };
        stored * q.slope + q.intercept
    }

    #[test]
    fn whole_numbers_are_exact() {
        for values in
            [vec![-1024.0, 3071.0], vec![-32768.0, 32767.0], vec![0.0, 65535.0], vec![1e6, 1e6 + 65535.0]]
        {
            let q = Quantization::of(&values).unwrap();
            assert_eq!(q.slope, 1.0);
            for v in values {
                assert_eq!(back(&q, v), v);
            }
        }
    }

    #[test]
    fn others_are_within_half_a_step() {
        for (low, high) in [(-0.3, 1.7), (1e-8, 2e-8), (-1e9, 3e9), (-5e30, 1e30), (0.1, 0.1)] {
            let values: Vec<f64> = (0..1000).map(|i| low + (high - low) * f64::from(i) / 999.0).collect();
            let q = Quantization::of(&values).unwrap();
            let bound = (high - low) / 131_070.0 * (1.0 + 1e-6) + 1e-12 * low.abs();
            for v in values {
                assert!((back(&q, v) - v).abs() <= bound, "{v}: {q:?}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_not_stored() {
        assert!(Quantization::of(&[0.0, f64::NAN]).is_none());
        assert!(Quantization::of(&[0.0, f32::INFINITY]).is_none());
    }
}
