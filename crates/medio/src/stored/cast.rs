//! Numbers of every stored type as voxels of every type.

use bytemuck::Pod;
use medcore::Scalar;

use super::number::{ByteOrder, Scaling};

/// A number type that voxels are stored in.
pub(super) trait Stored: Scalar {
    /// Whether it is an integer.
    const INTEGER: bool;
    /// The value of an integer; a floating-point number is rounded.
    fn to_i128(self) -> i128;
    /// Each number of `bytes` through `f`, as many as `out` has room for.
    fn fill<U>(bytes: &[u8], order: ByteOrder, out: &mut [U], f: impl Fn(Self) -> U);
}

/// A number type that voxels are read as.
pub(super) trait Target: Scalar + Pod {
    /// A stored number without scaling: exact where it fits, else the nearest.
    fn from_stored<S: Stored>(value: S) -> Self;
}

/// Brings stored numbers to voxels: byte order, scaling and number type in one pass.
pub(super) fn convert<S: Stored, T: Target>(
    bytes: &[u8],
    order: ByteOrder,
    scaling: Option<Scaling>,
    out: &mut [T],
) {
    match scaling {
        Some(Scaling { slope, inter }) => {
            S::fill(bytes, order, out, |v| T::from_f64(v.to_f64() * slope + inter));
        }
        None => S::fill(bytes, order, out, T::from_stored),
    }
}

macro_rules! stored {
    ($integer:literal: $($t:ty),*) => {$(
        impl Stored for $t {
            const INTEGER: bool = $integer;

            fn to_i128(self) -> i128 {
                self as i128
            }

            fn fill<U>(bytes: &[u8], order: ByteOrder, out: &mut [U], f: impl Fn(Self) -> U) {
                let (numbers, _) = bytes.as_chunks();
                let pairs = out.iter_mut().zip(numbers);
                match order {
                    ByteOrder::Little => pairs.for_each(|(out, b)| *out = f(<$t>::from_le_bytes(*b))),
                    ByteOrder::Big => pairs.for_each(|(out, b)| *out = f(<$t>::from_be_bytes(*b))),
                }
            }
        }
    )*};
}
stored!(true: u8, i8, u16, i16, u32, i32, u64, i64);
stored!(false: f32, f64);

macro_rules! integer_target {
    ($($t:ty),*) => {$(
        impl Target for $t {
            fn from_stored<S: Stored>(value: S) -> Self {
                if S::INTEGER {
                    // Not over f64, which has 53 bits.
                    value.to_i128().clamp(<$t>::MIN.into(), <$t>::MAX.into()) as $t
                } else {
                    <$t>::from_f64(value.to_f64())
                }
            }
        }
    )*};
}
integer_target!(u8, i8, u16, i16, u32, i32, u64, i64);

impl Target for f32 {
    fn from_stored<S: Stored>(value: S) -> Self {
        value.to_f32()
    }
}

impl Target for f64 {
    fn from_stored<S: Stored>(value: S) -> Self {
        value.to_f64()
    }
}
