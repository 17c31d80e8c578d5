//! Voxels as stored numbers of another type.

use medcore::Scalar;

use super::report::Version;
use crate::stored::{NumberType, Scaling};

/// Stored numbers and how they stand for values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage {
    pub(super) number: NumberType,
    pub(super) scaling: Option<Scaling>,
}

/// A value that integers cannot stand for: NaN or infinite.
pub(super) struct NotFinite;

impl Storage {
    /// The scaling that spreads values over the range of integers, unless they are whole and fit.
    pub(super) fn choose<T: Scalar>(number: NumberType, version: Version, values: &[&[T]]) -> Self {
        let Some((least, most)) = range(number) else { return Self { number, scaling: None } };
        let all = || values.iter().flat_map(|v| v.iter()).map(|v| v.to_f64());
        let (min, max) = all()
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let fits = min >= least && max <= most && all().all(|v| v.fract() == 0.0);
        // No value at all, or only those that are refused later.
        if fits || min > max {
            return Self { number, scaling: None };
        }
        let spread = (max / 2.0 - min / 2.0) / (most / 2.0 - least / 2.0);
        let scaling = if spread > 0.0 {
            let slope = round_up(spread, version);
            Scaling { slope, inter: min - slope * least }
        } else {
            Scaling { slope: 1.0, inter: min }
        };
        Self { number, scaling: Some(rounded(scaling, version)) }
    }

    /// The caller's scaling, as the header will hold it.
    pub(super) fn given(number: NumberType, version: Version, scaling: Scaling) -> Self {
        let scaling = rounded(scaling, version);
        let identity = Scaling { slope: 1.0, inter: 0.0 };
        Self { number, scaling: (scaling != identity).then_some(scaling) }
    }

    /// The bytes of each value, least significant first.
    pub(super) fn encode(&self, values: &[f64], bytes: &mut Vec<u8>) {
        macro_rules! arms {
            ($($kind:ident $t:ty),*) => {
                match self.number {
                    $(NumberType::$kind => {
                        let stored: Vec<$t> = values.iter().map(|v| self.store(*v)).collect();
                        <$t>::extend_le_bytes(&stored, bytes);
                    })*
                }
            };
        }
        arms!(U8 u8, I8 i8, U16 u16, I16 i16, U32 u32, I32 i32, U64 u64, I64 i64, F32 f32, F64 f64);
    }

    /// The largest distance between a value and what a reader will find.
    pub(super) fn max_error(&self, values: &[f64]) -> Result<f64, NotFinite> {
        macro_rules! arms {
            ($($kind:ident $t:ty),*) => {
                match self.number {
                    $(NumberType::$kind => self.error_as::<$t>(values),)*
                }
            };
        }
        arms!(U8 u8, I8 i8, U16 u16, I16 i16, U32 u32, I32 i32, U64 u64, I64 i64, F32 f32, F64 f64)
    }

    fn error_as<S: Scalar>(&self, values: &[f64]) -> Result<f64, NotFinite> {
        let integers = range(self.number).is_some();
        values.iter().try_fold(0.0, |worst: f64, &value| {
            if integers && !value.is_finite() {
                return Err(NotFinite);
            }
            let Scaling { slope, inter } = self.scaling.unwrap_or(Scaling { slope: 1.0, inter: 0.0 });
            let error = (self.store::<S>(value).to_f64() * slope + inter - value).abs();
            // NaN and infinities that are kept have no distance from themselves.
            Ok(if error.is_nan() { worst } else { worst.max(error) })
        })
    }

    fn store<S: Scalar>(&self, value: f64) -> S {
        match self.scaling {
            Some(Scaling { slope, inter }) => S::from_f64((value - inter) / slope),
            None => S::from_f64(value),
        }
    }
}

/// Least and largest integer; `None` for floating-point numbers.
fn range(number: NumberType) -> Option<(f64, f64)> {
    match number {
        NumberType::U8 => Some((0.0, 255.0)),
        NumberType::I8 => Some((-128.0, 127.0)),
        NumberType::U16 => Some((0.0, 65535.0)),
        NumberType::I16 => Some((-32768.0, 32767.0)),
        NumberType::U32 => Some((0.0, f64::from(u32::MAX))),
        NumberType::I32 => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        NumberType::U64 => Some((0.0, u64::MAX as f64)),
        NumberType::I64 => Some((i64::MIN as f64, i64::MAX as f64)),
        NumberType::F32 | NumberType::F64 => None,
    }
}

fn rounded(Scaling { slope, inter }: Scaling, version: Version) -> Scaling {
    match version {
        Version::Nifti2 => Scaling { slope, inter },
        _ => Scaling { slope: f64::from(slope as f32), inter: f64::from(inter as f32) },
    }
}

/// So that the largest value still fits.
fn round_up(slope: f64, version: Version) -> f64 {
    match version {
        Version::Nifti2 => slope,
        _ if f64::from(slope as f32) < slope => f64::from((slope as f32).next_up()),
        _ => f64::from(slope as f32),
    }
}
