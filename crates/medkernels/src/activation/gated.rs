//! Gated linear units (Shazeer 2020): SwiGLU with [`Activation::Silu`], GeGLU with [`Activation::Gelu`].

use super::Activation;
use super::function::{Function, with_function};
use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, for_each_block, run};

impl Activation {
    /// `output = activation(gate) * value`, where each row of `input` `[rows, 2 * width]` is `width` gates and then
    /// `width` values; `output` is `[rows, width]`.
    ///
    /// ```
    /// use medkernels::Activation;
    /// let mut output = [0.0; 2];
    /// Activation::Relu.gated_forward(&[-1.0, 2.0, 5.0, 5.0], 2, &mut output);
    /// assert_eq!(output, [0.0, 10.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `output` is not whole rows, or `input` not twice as long.
    pub fn gated_forward(self, input: &[f32], width: usize, output: &mut [f32]) {
        check(input, width, output);
        let isa = Isa::current();
        let rows = (Matrix { data: input, width: 2 * width }, MatrixMut { data: output, width });
        for_each_block(rows, width, |(input, output)| {
            let (input, output) = (input.data, output.data);
            with_function!(self, function => run(isa, Forward { function, input, width, output }));
        });
    }

    /// The gradient by the input of [`gated_forward`](Self::gated_forward): `grad_input` is `[rows, 2 * width]` like
    /// `input`, `grad_output` is `[rows, width]`.
    ///
    /// # Panics
    ///
    /// If `grad_output` is not whole rows, or `input` or `grad_input` not twice as long.
    pub fn gated_backward(self, input: &[f32], grad_output: &[f32], width: usize, grad_input: &mut [f32]) {
        check(input, width, grad_output);
        assert_eq!(input.len(), grad_input.len(), "lengths of input and its gradient");
        let isa = Isa::current();
        let rows = (
            Matrix { data: input, width: 2 * width },
            Matrix { data: grad_output, width },
            MatrixMut { data: grad_input, width: 2 * width },
        );
        for_each_block(rows, width, |(input, grad_output, grad_input)| {
            let (input, grad_output, grad_input) = (input.data, grad_output.data, grad_input.data);
            with_function!(self, function => {
                run(isa, Backward { function, input, grad_output, width, grad_input })
            });
        });
    }
}

fn check(input: &[f32], width: usize, output: &[f32]) {
    let rows = output.len() / width.max(1);
    assert_eq!(rows * width, output.len(), "whole rows of {width}");
    assert_eq!(input.len(), 2 * output.len(), "as many gates as values, beside the output");
}

struct Forward<'a, F> {
    function: F,
    input: &'a [f32],
    width: usize,
    output: &'a mut [f32],
}

impl<F: Function> Kernel for Forward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.width.max(1);
        let input = self.input.chunks_exact(2 * width);
        for (input, output) in input.zip(self.output.chunks_exact_mut(width)) {
            let (gate, value) = input.split_at(width);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let gate = self.function.value(simd, simd.load_part(gate, part, 0.0));
                    let value = simd.load_part(value, part, 0.0);
                    simd.store_part(output, part, simd.mul(gate, value));
                },
            );
        }
    }
}

struct Backward<'a, F> {
    function: F,
    input: &'a [f32],
    grad_output: &'a [f32],
    width: usize,
    grad_input: &'a mut [f32],
}

impl<F: Function> Kernel for Backward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.width.max(1);
        let input = self.input.chunks_exact(2 * width);
        let grad_input = self.grad_input.chunks_exact_mut(2 * width);
        for ((input, grad_output), grad_input) in
            input.zip(self.grad_output.chunks_exact(width)).zip(grad_input)
        {
            let (gate, value) = input.split_at(width);
            let (grad_gate, grad_value) = grad_input.split_at_mut(width);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let gate = simd.load_part(gate, part, 0.0);
                    let grad = simd.load_part(grad_output, part, 0.0);
                    let by_gate = simd.mul(grad, simd.load_part(value, part, 0.0));
                    let slope = self.function.derivative(simd, gate);
                    simd.store_part(grad_gate, part, simd.mul(by_gate, slope));
                    let by_value = simd.mul(grad, self.function.value(simd, gate));
                    simd.store_part(grad_value, part, by_value);
                },
            );
        }
    }
}
