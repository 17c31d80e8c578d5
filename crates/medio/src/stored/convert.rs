//! From stored bytes to voxels: byte order, scaling and number type in one pass over blocks that fit the cache.

use std::any::Any;
use std::io::ErrorKind;

use medcore::Scalar;

use super::number::{ByteOrder, NumberType, Scaling};
use super::source::Source;
use crate::error::{Error, Result};

/// Bytes converted at a time; a multiple of every voxel size.
const BLOCK: usize = 1 << 18;
/// A usual gain of deflate on volumes: what is reserved at once for a compressed file; more only as it comes out.
const USUAL_EXPANSION: u64 = 16;

const VOXELS: &str = "the voxel data";

/// Reads `count` voxels from where the source is.
pub(crate) fn voxels<T: Scalar>(
    source: &mut Source<'_>,
    number: NumberType,
    order: ByteOrder,
    scaling: Option<Scaling>,
    count: usize,
) -> Result<Vec<T>> {
    let read = match number {
        NumberType::U8 => blocks::<u8, T>,
        NumberType::I8 => blocks::<i8, T>,
        NumberType::U16 => blocks::<u16, T>,
        NumberType::I16 => blocks::<i16, T>,
        NumberType::U32 => blocks::<u32, T>,
        NumberType::I32 => blocks::<i32, T>,
        NumberType::U64 => blocks::<u64, T>,
        NumberType::I64 => blocks::<i64, T>,
        NumberType::F32 => blocks::<f32, T>,
        NumberType::F64 => blocks::<f64, T>,
    };
    read(source, order, scaling, count)
}

fn blocks<S: Stored, T: Scalar>(
    source: &mut Source<'_>,
    order: ByteOrder,
    scaling: Option<Scaling>,
    count: usize,
) -> Result<Vec<T>> {
    let size = size_of::<S>();
    let mut voxels = Vec::new();
    let mut buffer = vec![0; BLOCK.min(count.saturating_mul(size))];
    let plausible = source.stored().saturating_mul(USUAL_EXPANSION) / size as u64;
    let first = usize::try_from(plausible).unwrap_or(usize::MAX).clamp(BLOCK, count.max(BLOCK));
    while voxels.len() < count {
        let left = count - voxels.len();
        let now = left.min(BLOCK / size);
        if voxels.capacity() - voxels.len() < now {
            // Exactly, and never beyond the count: doubling at most, as a vector would by itself.
            let more = left.min(voxels.len().max(first));
            voxels.try_reserve_exact(more).map_err(|_| Error::Io {
                path: source.path().into(),
                source: ErrorKind::OutOfMemory.into(),
            })?;
        }
        let bytes = buffer.get_mut(..now * size).unwrap_or_default();
        source.read_exact(bytes, VOXELS)?;
        append::<S, T>(bytes, order, scaling, &mut voxels);
    }
    Ok(voxels)
}

fn append<S: Stored, T: Scalar>(bytes: &[u8], order: ByteOrder, scaling: Option<Scaling>, out: &mut Vec<T>) {
    match scaling {
        Some(Scaling { slope, inter }) => {
            S::append(bytes, order, out, |v| T::from_f64(v.to_f64() * slope + inter));
        }
        None if S::INTEGER && append_integer::<S>(bytes, order, out) => {}
        None => S::append(bytes, order, out, |v| T::from_f64(v.to_f64())),
    }
}

/// Integers to integers without the detour over `f64`, which has 53 bits. False when `out` holds no integers.
fn append_integer<S: Stored>(bytes: &[u8], order: ByteOrder, out: &mut dyn Any) -> bool {
    macro_rules! attempt {
        ($($t:ty),*) => {$(
            if let Some(out) = out.downcast_mut::<Vec<$t>>() {
                let saturate = |v: S| v.to_i128().clamp(<$t>::MIN.into(), <$t>::MAX.into()) as $t;
                S::append(bytes, order, out, saturate);
                return true;
            }
        )*};
    }
    attempt!(u8, i8, u16, i16, u32, i32, u64, i64);
    false
}

/// A number type that voxels are stored in.
trait Stored: Scalar {
    /// Whether it is an integer.
    const INTEGER: bool;
    /// The value of an integer; a floating-point number is rounded.
    fn to_i128(self) -> i128;
    /// Each number of `bytes` through `f` to the end of `out`.
    fn append<U>(bytes: &[u8], order: ByteOrder, out: &mut Vec<U>, f: impl Fn(Self) -> U);
}

macro_rules! stored {
    ($integer:literal: $($t:ty),*) => {$(
        impl Stored for $t {
            const INTEGER: bool = $integer;

            fn to_i128(self) -> i128 {
                self as i128
            }

            fn append<U>(bytes: &[u8], order: ByteOrder, out: &mut Vec<U>, f: impl Fn(Self) -> U) {
                let (numbers, _) = bytes.as_chunks();
                match order {
                    ByteOrder::Little => out.extend(numbers.iter().map(|b| f(<$t>::from_le_bytes(*b)))),
                    ByteOrder::Big => out.extend(numbers.iter().map(|b| f(<$t>::from_be_bytes(*b)))),
                }
            }
        }
    )*};
}
stored!(true: u8, i8, u16, i16, u32, i32, u64, i64);
stored!(false: f32, f64);
