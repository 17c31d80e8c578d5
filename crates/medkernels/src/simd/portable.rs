//! Registers in plain Rust.

use super::Simd;
use super::vector::MAX_LANES;

/// Plain Rust over arrays, which the compiler turns into the vectors of its baseline.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

const LANES: usize = 8;
const _: () = assert!(LANES <= MAX_LANES);

/// Adding this to a number below 2^22 in size rounds it to a whole one, which then stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;

#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for (lane, value) in out.iter_mut().enumerate() {
        *value = f(lane);
    }
    out
}

/// 2^n for `n` from -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

impl Simd for Portable {
    const LANES: usize = LANES;
    type Vector = [f32; LANES];
    type Mask = [bool; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::Vector {
        let from = &from[..LANES];
        lanes(|i| from[i])
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], value: Self::Vector) {
        to[..LANES].copy_from_slice(&value);
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32], fill: f32) -> Self::Vector {
        lanes(|i| from.get(i).copied().unwrap_or(fill))
    }

    #[inline(always)]
    fn store_partial(self, to: &mut [f32], value: Self::Vector) {
        for (to, value) in to.iter_mut().zip(value) {
            *to = value;
        }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn sqrt(self, a: Self::Vector) -> Self::Vector {
        lanes(|i| a[i].sqrt())
    }

    #[inline(always)]
    fn reciprocal(self, a: Self::Vector) -> Self::Vector {
        lanes(|i| 1.0 / a[i])
    }

    // Two roundings: without the instruction, `f32::mul_add` is a slow call.
    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        lanes(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        lanes(|i| c[i] - a[i] * b[i])
    }

    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn abs(self, a: Self::Vector) -> Self::Vector {
        lanes(|i| a[i].abs())
    }

    #[inline(always)]
    fn copy_sign(self, a: Self::Vector, sign: Self::Vector) -> Self::Vector {
        lanes(|i| a[i].copysign(sign[i]))
    }

    #[inline(always)]
    fn round(self, a: Self::Vector) -> Self::Vector {
        lanes(|i| (a[i] + ROUNDER) - ROUNDER)
    }

    #[inline(always)]
    fn scale(self, a: Self::Vector, n: Self::Vector) -> Self::Vector {
        lanes(|i| {
            let n = (n[i] + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
            let half = n >> 1;
            a[i] * power_of_two(half) * power_of_two(n.wrapping_sub(half))
        })
    }

    #[inline(always)]
    fn square(self, a: Self::Vector) -> (Self::Vector, Self::Vector) {
        // The upper half of the digits squares without rounding.
        let upper = |i: usize| f32::from_bits(a[i].to_bits() & 0xffff_f000);
        (lanes(|i| upper(i) * upper(i)), lanes(|i| (a[i] - upper(i)) * (a[i] + upper(i))))
    }

    #[inline(always)]
    fn less(self, a: Self::Vector, b: Self::Vector) -> Self::Mask {
        let mut out = [false; LANES];
        for (lane, value) in out.iter_mut().enumerate() {
            *value = a[lane] < b[lane];
        }
        out
    }

    #[inline(always)]
    fn select(self, mask: Self::Mask, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        lanes(|i| if mask[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn sum(self, a: Self::Vector) -> f32 {
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }

    #[inline(always)]
    fn largest(self, a: Self::Vector) -> f32 {
        a.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}
