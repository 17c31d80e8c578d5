//! The logistic function.

use super::exp::exp_of_negative;
use crate::simd::Simd;

/// `1 / (1 + e^-x)`.
///
/// Within 3 units in the last place, denormal results included; NaN gives NaN.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let zero = simd.splat(0.0);
    let one = simd.splat(1.0);
    // Of a number that is not positive: never infinite.
    let power = exp_of_negative(simd, simd.sub(zero, simd.abs(x)));
    let numerator = simd.select(simd.less(x, zero), power, one);
    simd.mul(numerator, simd.reciprocal(simd.add(one, power)))
}

/// `1 / (1 + e^-x)`, and 1 less it without cancellation.
#[inline(always)]
pub(crate) fn sigmoid_and_rest<S: Simd>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    let zero = simd.splat(0.0);
    let one = simd.splat(1.0);
    let power = exp_of_negative(simd, simd.sub(zero, simd.abs(x)));
    let larger = simd.reciprocal(simd.add(one, power));
    let smaller = simd.mul(power, larger);
    let negative = simd.less(x, zero);
    (simd.select(negative, smaller, larger), simd.select(negative, larger, smaller))
}
