//! Softmax down the columns of a tile of scores.

use crate::math::exp;
use crate::simd::{Kernel, Simd};

/// Turns the scores of `WIDTH` queries, `[keys, width]`, into probabilities that are not yet divided by their sums, which it returns.
///
/// The scores of a query are multiplied by `scale` first.
pub(super) struct SoftmaxColumns<'a> {
    pub(super) scores: &'a mut [f32],
    pub(super) width: usize,
    pub(super) scale: f32,
    /// `[width]`
    pub(super) sums: &'a mut [f32],
}

impl Kernel for SoftmaxColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for first in (0..self.width).step_by(S::LANES) {
            let mut largest = simd.splat(f32::NEG_INFINITY);
            for row in self.scores.chunks_exact(self.width) {
                largest = simd.max(largest, simd.load(&row[first..]));
            }
            let scale = simd.splat(self.scale);
            // Where a query sees nothing all is minus infinity: 0 instead, and every exponential is 0.
            let nothing = simd.less(largest, simd.splat(f32::MIN));
            let offset = simd.mul(simd.select(nothing, simd.splat(0.0), largest), scale);
            let offset = simd.sub(simd.splat(0.0), offset);
            let mut sum = simd.splat(0.0);
            for row in self.scores.chunks_exact_mut(self.width) {
                let x = exp(simd, simd.mul_add(simd.load(&row[first..]), scale, offset));
                sum = simd.add(sum, x);
                simd.store(&mut row[first..], x);
            }
            simd.store(&mut self.sums[first..], sum);
        }
    }
}

/// Divides the columns of `values`, `[rows, width]`, by `sums`; by a sum of 0 it gives 0.
pub(super) struct DivideColumns<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) width: usize,
    pub(super) sums: &'a [f32],
}

impl Kernel for DivideColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for first in (0..self.width).step_by(S::LANES) {
            let sum = simd.load(&self.sums[first..]);
            // A sum of 0, where a query sees nothing, stays so; what is not a number too.
            let factor = simd.select(simd.less(simd.splat(0.0), sum), simd.reciprocal(sum), sum);
            for row in self.values.chunks_exact_mut(self.width) {
                let x = simd.mul(simd.load(&row[first..]), factor);
                simd.store(&mut row[first..], x);
            }
        }
    }
}

/// The gradient of the scores: `scale * p * (dp - sum over keys of p * dp)`, from probabilities and their gradients, `[keys, width]`, written
/// over the gradients.
pub(super) struct ScoreGradient<'a> {
    pub(super) probabilities: &'a [f32],
    pub(super) gradients: &'a mut [f32],
    pub(super) width: usize,
    pub(super) scale: f32,
}

impl Kernel for ScoreGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (width, scale) = (self.width, simd.splat(self.scale));
        for first in (0..width).step_by(S::LANES) {
            let mut dot = simd.splat(0.0);
            for (p, g) in self.probabilities.chunks_exact(width).zip(self.gradients.chunks_exact(width)) {
                dot = simd.mul_add(simd.load(&p[first..]), simd.load(&g[first..]), dot);
            }
            for (p, g) in self.probabilities.chunks_exact(width).zip(self.gradients.chunks_exact_mut(width)) {
                let difference = simd.sub(simd.load(&g[first..]), dot);
                let scaled = simd.mul(scale, simd.load(&p[first..]));
                simd.store(&mut g[first..], simd.mul(scaled, difference));
            }
        }
    }
}
