//! Elementary functions of every number of a slice.

use crate::simd::{Map, Simd, map_in_place, map_into};

#[derive(Clone, Copy)]
struct Exp;

impl Map for Exp {
    #[inline(always)]
    fn map<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
        super::exp(simd, x)
    }
}

#[derive(Clone, Copy)]
struct Erf;

impl Map for Erf {
    #[inline(always)]
    fn map<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
        super::erf(simd, x)
    }
}

#[derive(Clone, Copy)]
struct Tanh;

impl Map for Tanh {
    #[inline(always)]
    fn map<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
        super::tanh(simd, x)
    }
}

/// `output = e^input`, within 1.5 units in the last place.
///
/// Denormal results are rounded, not flushed to zero. `e^-inf` is 0, `e^inf` is inf, NaN gives NaN.
///
/// ```
/// let mut output = [0.0; 2];
/// medkernels::math::exp_into(&[0.0, 1.0], &mut output);
/// assert_eq!(output, [1.0, std::f32::consts::E]);
/// ```
///
/// # Panics
///
/// If the lengths differ.
pub fn exp_into(input: &[f32], output: &mut [f32]) {
    map_into(Exp, input, output);
}

/// `values = e^values`, as [`exp_into`].
pub fn exp_in_place(values: &mut [f32]) {
    map_in_place(Exp, values);
}

/// The error function: `output = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to input`.
///
/// Within 1e-7, and within 4 units in the last place for inputs up to 1 in size. NaN gives NaN.
///
/// # Panics
///
/// If the lengths differ.
pub fn erf_into(input: &[f32], output: &mut [f32]) {
    map_into(Erf, input, output);
}

/// `values = erf(values)`, as [`erf_into`].
pub fn erf_in_place(values: &mut [f32]) {
    map_in_place(Erf, values);
}

/// `output = tanh(input)`, within 3 units in the last place. NaN gives NaN.
///
/// # Panics
///
/// If the lengths differ.
pub fn tanh_into(input: &[f32], output: &mut [f32]) {
    map_into(Tanh, input, output);
}

/// `values = tanh(values)`, as [`tanh_into`].
pub fn tanh_in_place(values: &mut [f32]) {
    map_in_place(Tanh, values);
}
