//! The exponential function.

use super::polynomial::polynomial;
use crate::simd::Simd;

/// ln 2 in two parts: the first has few digits, so that whole multiples of it up to 150 are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// Below, the result rounds to zero; above, to infinity.
const RANGE: [f32; 2] = [-104.0, 89.0];

/// `(e^r - 1 - r) / r^2` for `r` up to ln 2 / 2 in size, by minimax; relative error of `e^r` 5e-11.
const COEFFICIENTS: [f32; 6] =
    [0.5, 0.166_666_66, 0.041_666_295, 0.008_333_497, 0.001_394_465_1, 0.000_197_903_5];

/// `e^x`.
///
/// Within 1.5 units in the last place. Denormal results are rounded, not flushed; -inf gives 0, NaN gives NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    exp_of_sum(simd, x, simd.splat(0.0))
}

/// `e^(x + rest)` for a `rest` that is small beside 1 where `x` is not huge: digits that `x` has no room for.
#[inline(always)]
pub(crate) fn exp_of_sum<S: Simd>(simd: S, x: S::Vector, rest: S::Vector) -> S::Vector {
    // In this order NaN passes through both.
    let x = simd.max(simd.splat(RANGE[0]), x);
    let x = simd.min(simd.splat(RANGE[1]), x);
    let n = simd.round(simd.mul(x, simd.splat(std::f32::consts::LOG2_E)));
    let r = simd.neg_mul_add(n, simd.splat(LN_2[0]), x);
    let r = simd.neg_mul_add(n, simd.splat(LN_2[1]), r);
    let r = simd.add(r, rest);
    let tail = simd.mul(simd.mul(r, r), polynomial(simd, r, &COEFFICIENTS));
    let power = simd.add(simd.splat(1.0), simd.add(r, tail));
    simd.scale(power, n)
}
