//! Number types that voxels and pixels can have.

mod sealed {
    /// Zeroed memory is a 0 of every one of them.
    pub trait Sealed: bytemuck::Zeroable {}
}

/// A number type that a [`Volume`](crate::Volume) or [`Image`](crate::Image) can hold.
///
/// Conversions from `f64` round to nearest (ties away from zero) and saturate for integers, so that resampling never wraps
/// around; NaN becomes 0 for integers. The trait is sealed: it is implemented for the primitive integers up to 64
/// bits, `f32` and `f64`.
pub trait Scalar:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + Send + Sync + std::fmt::Debug + 'static
{
    /// Name of the type, as in `"i16"`.
    const NAME: &'static str;
    /// The value as `f64` (64-bit integers may round).
    fn to_f64(self) -> f64;
    /// The value as `f32` (integers of 32 bits and more may round).
    fn to_f32(self) -> f32;
    /// The nearest value of this type, saturating.
    fn from_f64(value: f64) -> Self;
    /// The nearest value of this type, saturating.
    fn from_f32(value: f32) -> Self;
    /// Appends each value's bytes, least significant first.
    fn extend_le_bytes(values: &[Self], bytes: &mut Vec<u8>);
}

macro_rules! integer {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Scalar for $t {
            const NAME: &'static str = stringify!($t);
            fn to_f64(self) -> f64 { self as f64 }
            fn to_f32(self) -> f32 { self as f32 }
            fn from_f64(value: f64) -> Self { value.round() as $t }
            fn from_f32(value: f32) -> Self {
                // As round(), without a call into libm: the sum of an f32 and a half is exact enough in f64.
                let value = f64::from(value);
                (value + 0.5f64.copysign(value)) as $t
            }
            fn extend_le_bytes(values: &[Self], bytes: &mut Vec<u8>) {
                bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
            }
        }
    )*};
}
integer!(u8, i8, u16, i16, u32, i32, u64, i64);

impl sealed::Sealed for f32 {}
impl Scalar for f32 {
    const NAME: &'static str = "f32";
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn to_f32(self) -> f32 {
        self
    }
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn from_f32(value: f32) -> Self {
        value
    }
    fn extend_le_bytes(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
}

impl sealed::Sealed for f64 {}
impl Scalar for f64 {
    const NAME: &'static str = "f64";
    fn to_f64(self) -> f64 {
        self
    }
    fn to_f32(self) -> f32 {
        self as f32
    }
    fn from_f64(value: f64) -> Self {
        value
    }
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }
    fn extend_le_bytes(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::Scalar;

    #[test]
    fn integers_round_and_saturate() {
        assert_eq!(i16::from_f64(-1024.5), -1025);
        assert_eq!(i16::from_f64(1e9), i16::MAX);
        assert_eq!(u8::from_f32(-3.0), 0);
        for v in [0.49999997f32, 0.5, -0.5, 1.5, -1e-30, 8388607.5, -2.4999998, 3e9, f32::NAN, f32::INFINITY]
        {
            assert_eq!(i32::from_f32(v), v.round() as i32, "{v}");
        }
        assert_eq!(u8::from_f64(f64::NAN), 0);
        assert_eq!(f32::from_f64(0.5), 0.5);
    }
}
