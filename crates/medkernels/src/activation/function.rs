//! The activations and what they make of a slice.

use super::register;
use crate::math;
use crate::simd::{Map, Simd, Zip, map_in_place, map_into, zip_into};

/// A function that is applied to every number.
///
/// NaN gives NaN. At -inf, GELU and SiLU (a product of infinity and zero) give NaN, as PyTorch's do.
///
/// ```
/// use medkernels::Activation;
/// let mut values = [-1.0, 0.0, 2.0];
/// Activation::Relu.forward_in_place(&mut values);
/// assert_eq!(values, [0.0, 0.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `x cdf(x)` with the standard normal distribution's exact share below `x` (Hendrycks and Gimpel 2016).
    Gelu,
    /// `x / (1 + e^(-2 u))`, `u = sqrt(2 / pi) (x + 0.044715 x^3)`: GELU by the tanh approximation (the same, section 2).
    GeluTanh,
    /// `x / (1 + e^-x)`, also called swish.
    Silu,
    /// `max(x, 0)`. NaN gives NaN.
    Relu,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
}

/// `$body` with `$function` as the [`Function`] that `$activation` stands for.
macro_rules! with_function {
    ($activation:expr, $function:ident => $body:expr) => {
        match $activation {
            $crate::activation::Activation::Gelu => {
                let $function = $crate::activation::function::Gelu;
                $body
            }
            $crate::activation::Activation::GeluTanh => {
                let $function = $crate::activation::function::GeluTanh;
                $body
            }
            $crate::activation::Activation::Silu => {
                let $function = $crate::activation::function::Silu;
                $body
            }
            $crate::activation::Activation::Relu => {
                let $function = $crate::activation::function::Relu;
                $body
            }
            $crate::activation::Activation::Sigmoid => {
                let $function = $crate::activation::function::Sigmoid;
                $body
            }
        }
    };
}

pub(super) use with_function;

impl Activation {
    /// `output = activation(input)`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn forward(self, input: &[f32], output: &mut [f32]) {
        with_function!(self, function => map_into(Forward(function), input, output));
    }

    /// `values = activation(values)`.
    pub fn forward_in_place(self, values: &mut [f32]) {
        with_function!(self, function => map_in_place(Forward(function), values));
    }

    /// `grad_input = grad_output * activation'(input)`. The derivative of ReLU at 0 is 0.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn backward(self, input: &[f32], grad_output: &[f32], grad_input: &mut [f32]) {
        with_function!(self, function => zip_into(Backward(function), input, grad_output, grad_input));
    }
}

/// A function on registers with its derivative.
pub(super) trait Function: Copy + Send + Sync {
    fn value<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector;
    fn derivative<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector;
}

macro_rules! functions {
    ($($name:ident = $value:path, $derivative:path;)*) => {$(
        #[derive(Clone, Copy)]
        pub(super) struct $name;

        impl Function for $name {
            #[inline(always)]
            fn value<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
                $value(simd, x)
            }

            #[inline(always)]
            fn derivative<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
                $derivative(simd, x)
            }
        }
    )*};
}

functions! {
    Gelu = register::gelu, register::gelu_derivative;
    GeluTanh = register::gelu_tanh, register::gelu_tanh_derivative;
    Silu = register::silu, register::silu_derivative;
    Relu = register::relu, register::relu_derivative;
    Sigmoid = math::sigmoid, register::sigmoid_derivative;
}

#[derive(Clone, Copy)]
struct Forward<F>(F);

impl<F: Function> Map for Forward<F> {
    #[inline(always)]
    fn map<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
        self.0.value(simd, x)
    }
}

#[derive(Clone, Copy)]
struct Backward<F>(F);

impl<F: Function> Zip for Backward<F> {
    #[inline(always)]
    fn zip<S: Simd>(self, simd: S, x: S::Vector, grad: S::Vector) -> S::Vector {
        simd.mul(grad, self.0.derivative(simd, x))
    }
}
