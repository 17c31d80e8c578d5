//! The exponential function.

use super::polynomial::polynomial;
use crate::simd::Simd;

/// ln 2 in two parts: the first has few digits, so that whole multiples of it up to 150 are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// Below, the result rounds to zero; above, to infinity.
const RANGE: [f32; 2] = [-104.0, 89.0];

/// `(e^r - 1 - r) / r^2` for `r` up to ln 2 / 2 in size, by minimax; relative error of `e^r` 3e-9.
const COEFFICIENTS: [f32; 5] = [0.499_999_94, 0.166_665_21, 0.041_668_39, 0.008_368_711, 0.001_381_461];

/// `e^x`.
///
/// Within 1.5 units in the last place. Denormal results are rounded, not flushed; -inf gives 0, NaN gives NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    // In this order NaN passes through.
    let x = simd.min(simd.splat(RANGE[1]), x);
    exp_of_negative(simd, x)
}

/// `e^x`, as [`exp`], for `x` up to 89.
#[inline(always)]
pub(crate) fn exp_of_negative<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let (n, r) = reduce(simd, x);
    power(simd, n, r)
}

/// `e^(x + rest)` for `x` up to 89 and a `rest` that is small beside 1: digits that `x` has no room for.
#[inline(always)]
pub(crate) fn exp_of_sum<S: Simd>(simd: S, x: S::Vector, rest: S::Vector) -> S::Vector {
    let (n, r) = reduce(simd, x);
    power(simd, n, simd.add(r, rest))
}

/// Whole `n` and small `r` with `x = n ln 2 + r`.
#[inline(always)]
fn reduce<S: Simd>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    // In this order NaN passes through.
    let x = simd.max(simd.splat(RANGE[0]), x);
    let n = simd.round(simd.mul(x, simd.splat(std::f32::consts::LOG2_E)));
    let r = simd.neg_mul_add(n, simd.splat(LN_2[0]), x);
    (n, simd.neg_mul_add(n, simd.splat(LN_2[1]), r))
}

/// `2^n e^r`.
#[inline(always)]
fn power<S: Simd>(simd: S, n: S::Vector, r: S::Vector) -> S::Vector {
    let series = polynomial(simd, r, &COEFFICIENTS);
    let excess = simd.mul_add(simd.mul(r, r), series, r);
    simd.scale(simd.add(simd.splat(1.0), excess), n)
}
