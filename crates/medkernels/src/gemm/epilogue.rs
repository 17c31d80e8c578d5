//! What is done with a product on its way to memory.

use crate::Activation;
use crate::activation::register;
use crate::math;
use crate::simd::Simd;

/// `C = residual + scale * activation(alpha * A B + bias)`, with the parts that are there.
///
/// All of it happens in registers, before an element of the result is first written.
#[derive(Debug, Clone, Copy)]
pub struct Epilogue<'a> {
    /// Multiplied into the product.
    pub alpha: f32,
    /// Added to every row: `[columns]`.
    pub bias: Option<&'a [f32]>,
    /// Added to every column: `[rows]`.
    pub row_bias: Option<&'a [f32]>,
    /// Applied after the biases.
    pub activation: Option<Activation>,
    /// Multiplied into every row after the activation: `[columns]`.
    pub scale: Option<&'a [f32]>,
    /// Added last: `[rows, columns]`, row-major.
    pub residual: Option<&'a [f32]>,
    /// max(x, 0) at the very end, after the residual: the order of residual networks.
    pub relu_last: bool,
}

impl Default for Epilogue<'_> {
    /// The product as it is.
    fn default() -> Self {
        Self {
            alpha: 1.0,
            bias: None,
            row_bias: None,
            activation: None,
            scale: None,
            residual: None,
            relu_last: false,
        }
    }
}

impl Epilogue<'_> {
    pub(crate) fn check(&self, rows: usize, columns: usize) {
        let expect = |name, part: Option<&[f32]>, n: usize| {
            if let Some(part) = part {
                assert_eq!(part.len(), n, "{name} of a {rows} x {columns} product");
            }
        };
        expect("bias", self.bias, columns);
        expect("row bias", self.row_bias, rows);
        expect("scale", self.scale, columns);
        expect("residual", self.residual, rows * columns);
    }
}

/// The function, lane by lane.
#[inline(always)]
pub(crate) fn apply<S: Simd>(activation: Activation, simd: S, x: S::Vector) -> S::Vector {
    match activation {
        Activation::Relu => register::relu(simd, x),
        Activation::Gelu => register::gelu(simd, x),
        Activation::GeluTanh => register::gelu_tanh(simd, x),
        Activation::Silu => register::silu(simd, x),
        Activation::Sigmoid => math::sigmoid(simd, x),
    }
}
