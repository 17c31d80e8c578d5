//! Functions of `__m256` registers, for code that is itself compiled for AVX2 and FMA.
#![allow(unsafe_code)]

use std::arch::x86_64::__m256;

use crate::activation::register;
use crate::simd::Avx2;

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $function:path;)*) => {$(
        $(#[$doc])*
        #[inline]
        #[target_feature(enable = "avx2,fma")]
        #[allow(dead_code)]
        pub(crate) fn $name(x: __m256) -> __m256 {
            // SAFETY: this function is compiled for what is assumed, so its caller has vouched for it.
            $function(unsafe { Avx2::assume() }, x)
        }
    )*};
}

functions! {
    /// `e^x`.
    exp_ps = super::exp;
    /// `erf(x)`.
    erf_ps = super::erf;
    /// `tanh(x)`.
    tanh_ps = super::tanh;
    /// `1 / (1 + e^-x)`.
    sigmoid_ps = super::sigmoid;
    /// `x cdf(x)` of the standard normal distribution.
    gelu_ps = register::gelu;
    /// GELU by the tanh approximation.
    gelu_tanh_ps = register::gelu_tanh;
    /// `x / (1 + e^-x)`.
    silu_ps = register::silu;
    /// `max(x, 0)`.
    relu_ps = register::relu;
    /// The derivative of GELU at `x`.
    gelu_derivative_ps = register::gelu_derivative;
    /// The derivative of the tanh approximation of GELU at `x`.
    gelu_tanh_derivative_ps = register::gelu_tanh_derivative;
    /// The derivative of SiLU at `x`.
    silu_derivative_ps = register::silu_derivative;
    /// The derivative of ReLU at `x`: 0 at 0.
    relu_derivative_ps = register::relu_derivative;
    /// The derivative of the logistic function at `x`.
    sigmoid_derivative_ps = register::sigmoid_derivative;
}

#[cfg(test)]
mod tests {
    use std::arch::x86_64::{_mm256_loadu_ps, _mm256_storeu_ps};

    use super::*;
    use crate::simd::Isa;

    /// Every function of the numbers, by its name.
    #[target_feature(enable = "avx2,fma")]
    fn all(input: &[f32; 8]) -> Vec<(&'static str, [f32; 8])> {
        // SAFETY: the array holds what is read.
        let x = unsafe { _mm256_loadu_ps(input.as_ptr()) };
        let values = [
            ("exp", exp_ps(x)),
            ("erf", erf_ps(x)),
            ("tanh", tanh_ps(x)),
            ("sigmoid", sigmoid_ps(x)),
            ("gelu", gelu_ps(x)),
            ("gelu_tanh", gelu_tanh_ps(x)),
            ("silu", silu_ps(x)),
            ("relu", relu_ps(x)),
            ("gelu_derivative", gelu_derivative_ps(x)),
            ("gelu_tanh_derivative", gelu_tanh_derivative_ps(x)),
            ("silu_derivative", silu_derivative_ps(x)),
            ("relu_derivative", relu_derivative_ps(x)),
            ("sigmoid_derivative", sigmoid_derivative_ps(x)),
        ];
        values
            .into_iter()
            .map(|(name, value)| {
                let mut out = [0.0; 8];
                // SAFETY: the array holds what is written.
                unsafe { _mm256_storeu_ps(out.as_mut_ptr(), value) };
                (name, out)
            })
            .collect()
    }

    #[test]
    fn registers_agree_with_plain_rust() {
        if !Isa::Avx2.is_available() {
            return;
        }
        let input: [f32; 8] = std::array::from_fn(|i| (i as f32 - 4.0) * 1.3);
        // SAFETY: the processor was asked for the features.
        for (name, values) in unsafe { all(&input) } {
            for (x, value) in input.into_iter().zip(values) {
                let expected = crate::math::reference(name, x);
                assert!(
                    (value - expected).abs() <= 2e-6 * expected.abs().max(1.0),
                    "{name} of {x} is {value}, expected {expected}"
                );
            }
        }
    }
}
