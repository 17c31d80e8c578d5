//! The error function.

use super::exp::exp_of_sum;
use super::normal::scaled_tail;
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Beyond, the result rounds to 1.
const FAR: f32 = 4.0;

/// `erf(x) / x - 1` over `x^2`, `x` up to 1 in size, by minimax; relative error 1.2e-9.
const COEFFICIENTS: [f32; 7] = [
    0.128_379_17,
    -0.376_126_26,
    0.112_835_854,
    -0.026_853_813,
    0.005_188_327_7,
    -0.000_801_019_4,
    7.853_862e-5,
];

/// `erf(x)`.
///
/// Within 4 units in the last place up to 1 in size, within 1e-7 everywhere; NaN gives NaN.
#[inline(always)]
pub(crate) fn erf<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let size = simd.abs(x);
    let one = simd.splat(1.0);
    // At most 1, so that the part that is not taken stays finite.
    let near = simd.min(one, size);
    let excess = polynomial(simd, simd.mul(near, near), &COEFFICIENTS);
    let near = simd.mul_add(near, excess, near);

    let far = simd.min(simd.splat(FAR), size);
    let (square, rest) = simd.square(far);
    let zero = simd.splat(0.0);
    let bell = exp_of_sum(simd, simd.sub(zero, square), simd.sub(zero, rest));
    let tail = scaled_tail(simd, simd.mul(far, simd.splat(std::f32::consts::SQRT_2)));
    let far = simd.neg_mul_add(simd.mul(simd.splat(2.0), tail), bell, one);

    simd.copy_sign(simd.select(simd.less(size, one), near, far), x)
}
