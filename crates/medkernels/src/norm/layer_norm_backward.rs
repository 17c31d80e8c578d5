//! The gradients of layer normalisation.

use super::parameter_gradients::sum_over_blocks;
use super::{LayerNorm, LayerNormStatistics};
use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, run};

/// The gradients by the parameters of [`LayerNorm`], one number a column.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormGradients {
    /// By `gamma`.
    pub gamma: Vec<f32>,
    /// By `beta`.
    pub beta: Vec<f32>,
}

impl LayerNorm<'_> {
    /// The gradient by the input into `grad_input`, and those by the parameters.
    ///
    /// `input`, `grad_output` and `grad_input` are `[rows, width]`; `statistics` are those that
    /// [`forward_with_statistics`](Self::forward_with_statistics) returned for `input`. The result does not depend on the
    /// number of threads.
    ///
    /// # Panics
    ///
    /// If the lengths do not agree.
    pub fn backward(
        &self,
        input: &[f32],
        statistics: &LayerNormStatistics,
        grad_output: &[f32],
        grad_input: &mut [f32],
    ) -> LayerNormGradients {
        let count = self.rows(input, grad_input);
        assert_eq!(input.len(), grad_output.len(), "lengths of input and the output's gradient");
        assert_eq!(statistics.mean.len(), count, "one mean a row");
        assert_eq!(statistics.inverse_std.len(), count, "one inverse standard deviation a row");
        let isa = Isa::current();
        let width = self.gamma.len();
        let rows = (
            Matrix { data: input, width },
            Matrix { data: &statistics.mean, width: 1 },
            Matrix { data: &statistics.inverse_std, width: 1 },
            Matrix { data: grad_output, width },
            MatrixMut { data: grad_input, width },
        );
        let mut sums =
            sum_over_blocks(rows, 2 * width, |(input, mean, inverse_std, grad_output, grad_input), sums| {
                let (grad_gamma, grad_beta) = sums.split_at_mut(width);
                run(
                    isa,
                    Backward {
                        gamma: self.gamma,
                        input: input.data,
                        mean: mean.data,
                        inverse_std: inverse_std.data,
                        grad_output: grad_output.data,
                        grad_input: grad_input.data,
                        grad_gamma,
                        grad_beta,
                    },
                );
            });
        let beta = sums.split_off(width);
        LayerNormGradients { gamma: sums, beta }
    }
}

struct Backward<'a> {
    gamma: &'a [f32],
    input: &'a [f32],
    mean: &'a [f32],
    inverse_std: &'a [f32],
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
    grad_gamma: &'a mut [f32],
    grad_beta: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.gamma.len();
        if width == 0 {
            return;
        }
        let gamma = &self.gamma[..width];
        let grad_gamma = &mut self.grad_gamma[..width];
        let grad_beta = &mut self.grad_beta[..width];
        let scale = 1.0 / width as f32;
        let input = self.input.chunks_exact(width);
        let grad_output = self.grad_output.chunks_exact(width);
        let grad_input = self.grad_input.chunks_exact_mut(width);
        let statistics = self.mean.iter().zip(self.inverse_std);
        for (((input, grad_output), grad_input), (&mean, &std)) in
            input.zip(grad_output).zip(grad_input).zip(statistics)
        {
            let means = simd.splat(mean);
            let inverse_std = simd.splat(std);
            let zero = simd.splat(0.0);
            // Of the normalised input, of the gradient by it, and of their product.
            let (mut inputs, mut grads, mut products) = (zero, zero, zero);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let x = simd.mul(simd.sub(simd.load_part(input, part, mean), means), inverse_std);
                    let gamma = simd.load_part(gamma, part, 0.0);
                    let grad = simd.mul(simd.load_part(grad_output, part, 0.0), gamma);
                    inputs = simd.add(inputs, x);
                    grads = simd.add(grads, grad);
                    products = simd.mul_add(grad, x, products);
                },
            );
            // What the mean, rounded to `f32`, lacks.
            let correction = simd.sum(inputs) * scale;
            let mean_grad = simd.sum(grads) * scale;
            let mean_product = simd.sum(products) * scale - correction * mean_grad;

            let offset = simd.splat(-correction);
            let mean_grad = simd.splat(mean_grad);
            let mean_product = simd.splat(mean_product);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let deviation = simd.sub(simd.load_part(input, part, mean), means);
                    let x = simd.mul_add(deviation, inverse_std, offset);
                    let grad_output = simd.load_part(grad_output, part, 0.0);
                    let grad = simd.mul(grad_output, simd.load_part(gamma, part, 0.0));
                    let grad = simd.neg_mul_add(x, mean_product, simd.sub(grad, mean_grad));
                    simd.store_part(grad_input, part, simd.mul(grad, inverse_std));

                    let sum = simd.load_part(grad_gamma, part, 0.0);
                    simd.store_part(grad_gamma, part, simd.mul_add(grad_output, x, sum));
                    let sum = simd.load_part(grad_beta, part, 0.0);
                    simd.store_part(grad_beta, part, simd.add(sum, grad_output));
                },
            );
        }
    }
}
