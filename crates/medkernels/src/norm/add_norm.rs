//! A residual connection and the layer normalisation after it, in one pass.

use super::LayerNorm;
use super::layer_norm::{Moments, normalise};
use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, for_each_block, run};

impl LayerNorm<'_> {
    /// `residual += branch`, and the sum, normalised, into `output`; all `[rows, width]`.
    ///
    /// # Panics
    ///
    /// If the lengths do not agree.
    pub fn add_forward(&self, residual: &mut [f32], branch: &[f32], output: &mut [f32]) {
        self.rows(branch, output);
        assert_eq!(residual.len(), branch.len(), "lengths of residual and branch");
        let isa = Isa::current();
        let width = self.gamma.len();
        let rows = (
            MatrixMut { data: residual, width },
            Matrix { data: branch, width },
            MatrixMut { data: output, width },
        );
        for_each_block(rows, width, |(residual, branch, output)| {
            let (residual, branch, output) = (residual.data, branch.data, output.data);
            run(isa, AddForward { norm: *self, residual, branch, output });
        });
    }
}

struct AddForward<'a> {
    norm: LayerNorm<'a>,
    residual: &'a mut [f32],
    branch: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for AddForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.norm.gamma.len().max(1);
        let residual = self.residual.chunks_exact_mut(width);
        let branch = self.branch.chunks_exact(width);
        let output = self.output.chunks_exact_mut(width);
        for ((residual, branch), output) in residual.zip(branch).zip(output) {
            simd.for_each_part(
                width,
                #[inline(always)]
                |part| {
                    let branch = simd.load_part(branch, part, 0.0);
                    let sum = simd.add(simd.load_part(residual, part, 0.0), branch);
                    simd.store_part(residual, part, sum);
                },
            );
            let moments = Moments::of(simd, residual, self.norm.epsilon);
            normalise(simd, &self.norm, residual, moments, output);
        }
    }
}
