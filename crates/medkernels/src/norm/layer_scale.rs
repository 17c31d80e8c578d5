//! A scaled branch joining the residual stream (LayerScale: Touvron et al. 2021, section 2.2).

use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, for_each_block, run};

/// `output = residual + gamma * branch` in each row; all `[rows, gamma.len()]`.
///
/// # Panics
///
/// If the lengths do not agree.
pub fn layer_scale_add(residual: &[f32], branch: &[f32], gamma: &[f32], output: &mut [f32]) {
    let width = gamma.len();
    assert_eq!(output.len() / width.max(1) * width, output.len(), "whole rows of {width}");
    assert_eq!(residual.len(), output.len(), "lengths of residual and output");
    assert_eq!(branch.len(), output.len(), "lengths of branch and output");
    let isa = Isa::current();
    let rows =
        (Matrix { data: residual, width }, Matrix { data: branch, width }, MatrixMut { data: output, width });
    for_each_block(rows, width, |(residual, branch, output)| {
        let (residual, branch, output) = (residual.data, branch.data, output.data);
        run(isa, LayerScaleAdd { residual, branch, gamma, output });
    });
}

struct LayerScaleAdd<'a> {
    residual: &'a [f32],
    branch: &'a [f32],
    gamma: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for LayerScaleAdd<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.gamma.len().max(1);
        let residual = self.residual.chunks_exact(width);
        let branch = self.branch.chunks_exact(width);
        let output = self.output.chunks_exact_mut(width);
        for ((residual, branch), output) in residual.zip(branch).zip(output) {
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let gamma = simd.load_part(self.gamma, part, 0.0);
                    let branch = simd.load_part(branch, part, 0.0);
                    let sum = simd.mul_add(gamma, branch, simd.load_part(residual, part, 0.0));
                    simd.store_part(output, part, sum);
                },
            );
        }
    }
}

/// `output = gamma * branch` in each row; both `[rows, gamma.len()]`. Also the gradient by the branch, from that of the output.
///
/// # Panics
///
/// If the lengths do not agree.
pub fn layer_scale(branch: &[f32], gamma: &[f32], output: &mut [f32]) {
    let width = gamma.len();
    assert_eq!(output.len() / width.max(1) * width, output.len(), "whole rows of {width}");
    assert_eq!(branch.len(), output.len(), "lengths of branch and output");
    let isa = Isa::current();
    let rows = (Matrix { data: branch, width }, MatrixMut { data: output, width });
    for_each_block(rows, width, |(branch, output)| {
        run(isa, LayerScale { branch: branch.data, gamma, output: output.data });
    });
}

struct LayerScale<'a> {
    branch: &'a [f32],
    gamma: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for LayerScale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.gamma.len().max(1);
        for (branch, output) in self.branch.chunks_exact(width).zip(self.output.chunks_exact_mut(width)) {
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let gamma = simd.load_part(self.gamma, part, 0.0);
                    simd.store_part(output, part, simd.mul(gamma, simd.load_part(branch, part, 0.0)));
                },
            );
        }
    }
}
