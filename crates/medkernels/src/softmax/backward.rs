//! The gradient of softmax.

use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, for_each_block, run};

/// The gradient by the input of `output = softmax(scale * input)`, all `[rows, width]`:
/// `grad_input = scale * output * (grad_output - sum(output * grad_output))` in each row.
///
/// # Panics
///
/// If the lengths differ, or are not whole rows.
pub fn softmax_backward(
    output: &[f32],
    grad_output: &[f32],
    width: usize,
    scale: f32,
    grad_input: &mut [f32],
) {
    assert_eq!(output.len() / width.max(1) * width, output.len(), "whole rows of {width}");
    assert_eq!(output.len(), grad_output.len(), "lengths of output and its gradient");
    assert_eq!(output.len(), grad_input.len(), "lengths of output and the input's gradient");
    let isa = Isa::current();
    let rows = (
        Matrix { data: output, width },
        Matrix { data: grad_output, width },
        MatrixMut { data: grad_input, width },
    );
    for_each_block(rows, width, |(output, grad_output, grad_input)| {
        run(isa, SoftmaxBackward { output, grad_output, grad_input, scale });
    });
}

struct SoftmaxBackward<'a> {
    output: Matrix<'a>,
    grad_output: Matrix<'a>,
    grad_input: MatrixMut<'a>,
    scale: f32,
}

impl Kernel for SoftmaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.output.width.max(1);
        let output = self.output.data.chunks_exact(width);
        let grad_output = self.grad_output.data.chunks_exact(width);
        let grad_input = self.grad_input.data.chunks_exact_mut(width);
        for ((output, grad_output), grad_input) in output.zip(grad_output).zip(grad_input) {
            let mut sum = simd.splat(0.0);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let y = simd.load_part(output, part, 0.0);
                    sum = simd.mul_add(y, simd.load_part(grad_output, part, 0.0), sum);
                },
            );
            let sum = simd.splat(simd.sum(sum));
            let scale = simd.splat(self.scale);
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let y = simd.mul(simd.load_part(output, part, 0.0), scale);
                    let grad = simd.sub(simd.load_part(grad_output, part, 0.0), sum);
                    simd.store_part(grad_input, part, simd.mul(y, grad));
                },
            );
        }
    }
}
