//! Polynomials by Horner's rule.

use crate::simd::Simd;

/// `coefficients[0] + coefficients[1] * x + ...`
#[inline(always)]
pub(super) fn polynomial<S: Simd, const N: usize>(
    simd: S,
    x: S::Vector,
    coefficients: &[f32; N],
) -> S::Vector {
    let mut sum = simd.splat(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = simd.mul_add(sum, x, simd.splat(coefficient));
    }
    sum
}
