//! The normal distribution.

use super::exp::exp_of_sum;
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Where the tail is zero in `f32`, and the approximation ends.
const FAR: f32 = 16.0;

/// `R(t) (t + 3)` over `v = (t - 3) / (t + 3)`, `t` from 0 to 16, by minimax, where `R(t) = (1 - cdf(t)) e^(t^2 / 2)`;
/// relative error 1e-9.
const COEFFICIENTS: [f32; 11] = [
    0.729_083_7,
    -0.509_332,
    0.230_017_69,
    -0.047_262_687,
    -0.010_462_508,
    0.006_969_318,
    0.001_024_733_3,
    -0.001_032_608_4,
    -0.000_244_713_6,
    0.000_131_383_28,
    5.451_284_6e-5,
];

/// `R(t)`: what the tail beyond `t` is to `e^(-t^2 / 2)`, for `t` not negative. NaN passes through.
#[inline(always)]
pub(super) fn scaled_tail<S: Simd>(simd: S, t: S::Vector) -> S::Vector {
    let t = simd.min(simd.splat(FAR), t);
    let centre = simd.splat(3.0);
    let inverse = simd.reciprocal(simd.add(t, centre));
    let v = simd.mul(simd.sub(t, centre), inverse);
    simd.mul(inverse, polynomial(simd, v, &COEFFICIENTS))
}

/// `e^(-t^2 / 2)` for `t` not negative.
#[inline(always)]
fn bell<S: Simd>(simd: S, t: S::Vector) -> S::Vector {
    // The square's own rounding would show in the tails.
    let (square, rest) = simd.square(simd.min(simd.splat(FAR), t));
    let half = simd.splat(-0.5);
    exp_of_sum(simd, simd.mul(square, half), simd.mul(rest, half))
}

/// The share of the standard normal distribution below `x`.
///
/// Relative error below 1e-6 down to where the result is denormal (-12.9).
#[inline(always)]
pub(crate) fn normal_cdf<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let t = simd.abs(x);
    let tail = simd.mul(scaled_tail(simd, t), bell(simd, t));
    below(simd, x, tail)
}

/// The share of the standard normal distribution below `x`, and its density at `x`.
#[inline(always)]
pub(crate) fn normal_cdf_and_pdf<S: Simd>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    /// 1 / sqrt(2 pi)
    const PEAK: f32 = 0.398_942_3;
    let t = simd.abs(x);
    let bell = bell(simd, t);
    let tail = simd.mul(scaled_tail(simd, t), bell);
    (below(simd, x, tail), simd.mul(bell, simd.splat(PEAK)))
}

/// The share below `x` from the share beyond `|x|`.
#[inline(always)]
fn below<S: Simd>(simd: S, x: S::Vector, tail: S::Vector) -> S::Vector {
    let negative = simd.less(x, simd.splat(0.0));
    simd.select(negative, tail, simd.sub(simd.splat(1.0), tail))
}
