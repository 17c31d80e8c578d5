//! Normalisation by the root mean square (Zhang and Sennrich 2019).

use super::parameter_gradients::sum_over_blocks;
use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, fold, for_each_block, run};

/// `output = input / sqrt(mean(input^2) + epsilon) * gamma` over rows of `gamma.len()` numbers.
#[derive(Clone, Copy, Debug)]
pub struct RmsNorm<'a> {
    /// The factor of each column.
    pub gamma: &'a [f32],
    /// What is added to the mean square.
    pub epsilon: f32,
}

impl RmsNorm<'_> {
    /// Normalises `input` `[rows, width]` into `output`.
    ///
    /// # Panics
    ///
    /// If the lengths do not agree.
    pub fn forward(&self, input: &[f32], output: &mut [f32]) {
        self.rows(input, output);
        let isa = Isa::current();
        let width = self.gamma.len();
        let rows = (Matrix { data: input, width }, MatrixMut { data: output, width });
        for_each_block(rows, width, |(input, output)| {
            run(isa, Forward { norm: *self, input: input.data, output: output.data, inverse_rms: None });
        });
    }

    /// As [`forward`](Self::forward), and returns `1 / sqrt(mean(input^2) + epsilon)` of each row, which
    /// [`backward`](Self::backward) needs.
    ///
    /// # Panics
    ///
    /// If the lengths do not agree.
    pub fn forward_with_inverse_rms(&self, input: &[f32], output: &mut [f32]) -> Vec<f32> {
        let mut inverse_rms = vec![0.0; self.rows(input, output)];
        let isa = Isa::current();
        let width = self.gamma.len();
        let rows = (
            Matrix { data: input, width },
            MatrixMut { data: output, width },
            MatrixMut { data: &mut inverse_rms, width: 1 },
        );
        for_each_block(rows, width, |(input, output, inverse_rms)| {
            let inverse_rms = Some(inverse_rms.data);
            run(isa, Forward { norm: *self, input: input.data, output: output.data, inverse_rms });
        });
        inverse_rms
    }

    /// The gradient by the input into `grad_input`; returns that by `gamma`.
    ///
    /// `input`, `grad_output` and `grad_input` are `[rows, width]`; `inverse_rms` is what
    /// [`forward_with_inverse_rms`](Self::forward_with_inverse_rms) returned for `input`. The result does not depend on
    /// the number of threads.
    ///
    /// # Panics
    ///
    /// If the lengths do not agree.
    pub fn backward(
        &self,
        input: &[f32],
        inverse_rms: &[f32],
        grad_output: &[f32],
        grad_input: &mut [f32],
    ) -> Vec<f32> {
        let count = self.rows(input, grad_input);
        assert_eq!(input.len(), grad_output.len(), "lengths of input and the output's gradient");
        assert_eq!(inverse_rms.len(), count, "one inverse root mean square a row");
        let isa = Isa::current();
        let width = self.gamma.len();
        let rows = (
            Matrix { data: input, width },
            Matrix { data: inverse_rms, width: 1 },
            Matrix { data: grad_output, width },
            MatrixMut { data: grad_input, width },
        );
        sum_over_blocks(rows, width, |(input, inverse_rms, grad_output, grad_input), grad_gamma| {
            run(
                isa,
                Backward {
                    gamma: self.gamma,
                    input: input.data,
                    inverse_rms: inverse_rms.data,
                    grad_output: grad_output.data,
                    grad_input: grad_input.data,
                    grad_gamma,
                },
            );
        })
    }

    /// How many rows `input` has.
    fn rows(&self, input: &[f32], output: &[f32]) -> usize {
        let width = self.gamma.len();
        let rows = input.len() / width.max(1);
        assert_eq!(rows * width, input.len(), "whole rows of {width}");
        assert_eq!(input.len(), output.len(), "lengths of input and output");
        rows
    }
}

struct Forward<'a> {
    norm: RmsNorm<'a>,
    input: &'a [f32],
    output: &'a mut [f32],
    inverse_rms: Option<&'a mut [f32]>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let width = self.norm.gamma.len().max(1);
        let rows = self.input.chunks_exact(width).zip(self.output.chunks_exact_mut(width));
        for (index, (input, output)) in rows.enumerate() {
            let squares = fold(
                simd,
                input,
                0.0,
                simd.splat(0.0),
                #[inline(always)]
                |sum, x| simd.mul_add(x, x, sum),
                #[inline(always)]
                |a, b| simd.add(a, b),
            );
            let mean_square = simd.sum(squares) / width as f32;
            let inverse_rms = 1.0 / (mean_square + self.norm.epsilon).sqrt();
            if let Some(all) = &mut self.inverse_rms {
                all[index] = inverse_rms;
            }
            let inverse_rms = simd.splat(inverse_rms);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let x = simd.mul(simd.load_part(input, part, 0.0), inverse_rms);
                    let gamma = simd.load_part(self.norm.gamma, part, 0.0);
                    simd.store_part(output, part, simd.mul(x, gamma));
                },
            );
        }
    }
}

struct Backward<'a> {
    gamma: &'a [f32],
    input: &'a [f32],
    inverse_rms: &'a [f32],
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
    grad_gamma: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.gamma.len().max(1);
        let input = self.input.chunks_exact(width);
        let grad_output = self.grad_output.chunks_exact(width);
        let grad_input = self.grad_input.chunks_exact_mut(width);
        for (((input, grad_output), grad_input), &inverse_rms) in
            input.zip(grad_output).zip(grad_input).zip(self.inverse_rms)
        {
            let inverse_rms = simd.splat(inverse_rms);
            let mut products = simd.splat(0.0);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let x = simd.mul(simd.load_part(input, part, 0.0), inverse_rms);
                    let gamma = simd.load_part(self.gamma, part, 0.0);
                    let grad = simd.mul(simd.load_part(grad_output, part, 0.0), gamma);
                    products = simd.mul_add(grad, x, products);
                },
            );
            let mean_product = simd.splat(simd.sum(products) / width as f32);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let x = simd.mul(simd.load_part(input, part, 0.0), inverse_rms);
                    let grad_output = simd.load_part(grad_output, part, 0.0);
                    let grad = simd.mul(grad_output, simd.load_part(self.gamma, part, 0.0));
                    let grad = simd.neg_mul_add(x, mean_product, grad);
                    simd.store_part(grad_input, part, simd.mul(grad, inverse_rms));

                    let grad_gamma = simd.load_part(self.grad_gamma, part, 0.0);
                    simd.store_part(self.grad_gamma, part, simd.mul_add(grad_output, x, grad_gamma));
                },
            );
        }
    }
}
