//! The hyperbolic tangent.

use super::exp::exp_of_negative;
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Up to this size the polynomial is used: beyond, the difference from 1 loses no digits.
const NEAR: f32 = 0.625;

/// `(tanh(x) / x - 1) / x^2` over `x^2`, by minimax; relative error of the result 1.6e-10.
const COEFFICIENTS: [f32; 6] =
    [-0.333_333_3, 0.133_332_06, -0.053_946_763, 0.021_700_703, -0.008_177_398, 0.002_142_961_8];

/// `tanh(x)`.
///
/// Within 3 units in the last place; NaN gives NaN.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let size = simd.abs(x);
    let one = simd.splat(1.0);
    let near = simd.min(one, size);
    let square = simd.mul(near, near);
    let cubic = simd.mul(simd.mul(near, square), polynomial(simd, square, &COEFFICIENTS));
    let near = simd.add(near, cubic);

    let power = exp_of_negative(simd, simd.mul(size, simd.splat(-2.0)));
    let far = simd.mul(simd.sub(one, power), simd.reciprocal(simd.add(one, power)));

    let is_near = simd.less(size, simd.splat(NEAR));
    simd.copy_sign(simd.select(is_near, near, far), x)
}
