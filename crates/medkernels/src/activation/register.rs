//! Activations and their derivatives on registers.

use crate::math::{normal_cdf, normal_cdf_and_pdf, sigmoid, sigmoid_and_rest};
use crate::simd::Simd;

/// 2 sqrt(2 / pi), and the same times 0.044715: what the tanh approximation of GELU gives the logistic function is
/// `x (GELU_TANH[0] + GELU_TANH[1] x^2)`.
const GELU_TANH: [f32; 2] = [1.595_769, 0.071_354_814];

/// `x` or the nearest of `-limit` and `limit`: infinity times a derivative that has reached zero would be NaN.
#[inline(always)]
fn within<S: Simd>(simd: S, limit: f32, x: S::Vector) -> S::Vector {
    // In this order NaN passes through.
    let x = simd.min(simd.splat(limit), x);
    simd.max(simd.splat(-limit), x)
}

#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    simd.mul(x, normal_cdf(simd, x))
}

#[inline(always)]
pub(crate) fn gelu_derivative<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let (cdf, pdf) = normal_cdf_and_pdf(simd, x);
    simd.mul_add(within(simd, 16.0, x), pdf, cdf)
}

#[inline(always)]
pub(crate) fn gelu_tanh<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let slope = simd.mul_add(simd.mul(x, x), simd.splat(GELU_TANH[1]), simd.splat(GELU_TANH[0]));
    simd.mul(x, sigmoid(simd, simd.mul(x, slope)))
}

#[inline(always)]
pub(crate) fn gelu_tanh_derivative<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let x = within(simd, 16.0, x);
    let square = simd.mul(x, x);
    let first = simd.splat(GELU_TANH[0]);
    let third = simd.splat(GELU_TANH[1]);
    let inner = simd.mul(x, simd.mul_add(square, third, first));
    let three = simd.mul(third, simd.splat(3.0));
    let inner_derivative = simd.mul_add(square, three, first);
    let (sigmoid, rest) = sigmoid_and_rest(simd, inner);
    let slope = simd.mul(simd.mul(sigmoid, rest), simd.mul(x, inner_derivative));
    simd.add(sigmoid, slope)
}

#[inline(always)]
pub(crate) fn silu<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    simd.mul(x, sigmoid(simd, x))
}

#[inline(always)]
pub(crate) fn silu_derivative<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let x = within(simd, 128.0, x);
    let (sigmoid, rest) = sigmoid_and_rest(simd, x);
    simd.mul(sigmoid, simd.mul_add(x, rest, simd.splat(1.0)))
}

#[inline(always)]
pub(crate) fn relu<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    // In this order NaN passes through.
    simd.max(simd.splat(0.0), x)
}

#[inline(always)]
pub(crate) fn relu_derivative<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let zero = simd.splat(0.0);
    simd.select(simd.less(zero, x), simd.splat(1.0), zero)
}

#[inline(always)]
pub(crate) fn sigmoid_derivative<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let (sigmoid, rest) = sigmoid_and_rest(simd, x);
    simd.mul(sigmoid, rest)
}
