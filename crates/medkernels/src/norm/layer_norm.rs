//! Layer normalisation (Ba, Kiros and Hinton 2016).

use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, fold, for_each_block, run};

/// Layer normalisation over rows of `gamma.len()` numbers:
/// `output = (input - mean) / sqrt(variance + epsilon) * gamma + beta`, with the variance of the row as a population.
///
/// The mean is corrected by what the deviations from it sum to, so that rows far from zero keep their digits.
///
/// ```
/// use medkernels::norm::LayerNorm;
/// let norm = LayerNorm { gamma: &[1.0, 1.0], beta: Some(&[0.5, 0.5]), epsilon: 0.0 };
/// let mut output = [0.0; 2];
/// norm.forward(&[3.0, 5.0], &mut output);
/// assert_eq!(output, [-0.5, 1.5]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// The factor of each column.
    pub gamma: &'a [f32],
    /// What is added to each column; nothing where `None`. As long as `gamma`.
    pub beta: Option<&'a [f32]>,
    /// What is added to the variance.
    pub epsilon: f32,
}

/// What [`LayerNorm::backward`] needs of the forward pass, one number a row.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormStatistics {
    /// The mean.
    pub mean: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`.
    pub inverse_std: Vec<f32>,
}

impl LayerNorm<'_> {
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
            run(isa, Forward { norm: *self, input: input.data, output: output.data, statistics: None });
        });
    }

    /// As [`forward`](Self::forward), and keeps what [`backward`](Self::backward) needs.
    ///
    /// # Panics
    ///
    /// If the lengths do not agree.
    pub fn forward_with_statistics(&self, input: &[f32], output: &mut [f32]) -> LayerNormStatistics {
        let count = self.rows(input, output);
        let mut statistics = LayerNormStatistics { mean: vec![0.0; count], inverse_std: vec![0.0; count] };
        let isa = Isa::current();
        let width = self.gamma.len();
        let rows = (
            Matrix { data: input, width },
            MatrixMut { data: output, width },
            MatrixMut { data: &mut statistics.mean, width: 1 },
            MatrixMut { data: &mut statistics.inverse_std, width: 1 },
        );
        for_each_block(rows, width, |(input, output, mean, inverse_std)| {
            let statistics = Some((mean.data, inverse_std.data));
            run(isa, Forward { norm: *self, input: input.data, output: output.data, statistics });
        });
        statistics
    }

    /// How many rows `input` has.
    pub(super) fn rows(&self, input: &[f32], output: &[f32]) -> usize {
        let width = self.gamma.len();
        let rows = input.len() / width.max(1);
        assert_eq!(rows * width, input.len(), "whole rows of {width}");
        assert_eq!(input.len(), output.len(), "lengths of input and output");
        assert!(self.beta.is_none_or(|beta| beta.len() == width), "lengths of gamma and beta");
        rows
    }
}

struct Forward<'a> {
    norm: LayerNorm<'a>,
    input: &'a [f32],
    output: &'a mut [f32],
    /// Means and inverse standard deviations.
    statistics: Option<(&'a mut [f32], &'a mut [f32])>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let width = self.norm.gamma.len().max(1);
        let rows = self.input.chunks_exact(width).zip(self.output.chunks_exact_mut(width));
        for (index, (input, output)) in rows.enumerate() {
            let moments = Moments::of(simd, input, self.norm.epsilon);
            normalise(simd, &self.norm, input, moments, output);
            if let Some((mean, inverse_std)) = &mut self.statistics {
                mean[index] = moments.mean + moments.correction;
                inverse_std[index] = moments.inverse_std;
            }
        }
    }
}

/// Mean and spread of a row.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    /// The mean is the sum of both: the second is what the first lacks.
    mean: f32,
    correction: f32,
    inverse_std: f32,
}

impl Moments {
    #[inline(always)]
    pub(super) fn of<S: Simd>(simd: S, row: &[f32], epsilon: f32) -> Self {
        let zero = simd.splat(0.0);
        let scale = 1.0 / row.len() as f32;
        let sum = fold(
            simd,
            row,
            0.0,
            zero,
            #[inline(always)]
            |sum, x| simd.add(sum, x),
            #[inline(always)]
            |a, b| simd.add(a, b),
        );
        let mean = simd.sum(sum) * scale;
        let means = simd.splat(mean);
        let (sum, squares) = fold(
            simd,
            row,
            mean,
            (zero, zero),
            #[inline(always)]
            |(sum, squares), x| {
                let deviation = simd.sub(x, means);
                (simd.add(sum, deviation), simd.mul_add(deviation, deviation, squares))
            },
            #[inline(always)]
            |a: (S::Vector, S::Vector), b: (S::Vector, S::Vector)| (simd.add(a.0, b.0), simd.add(a.1, b.1)),
        );
        let correction = simd.sum(sum) * scale;
        let variance = simd.sum(squares) * scale - correction * correction;
        // Not `max`: it would turn NaN into zero.
        let variance = if variance < 0.0 { 0.0 } else { variance };
        Self { mean, correction, inverse_std: 1.0 / (variance + epsilon).sqrt() }
    }
}

/// `output = (input - mean) * inverse_std * gamma + beta`.
#[inline(always)]
pub(super) fn normalise<S: Simd>(
    simd: S,
    norm: &LayerNorm<'_>,
    input: &[f32],
    moments: Moments,
    output: &mut [f32],
) {
    let mean = simd.splat(moments.mean);
    let inverse_std = simd.splat(moments.inverse_std);
    let offset = simd.splat(-moments.correction * moments.inverse_std);
    simd.for_each_part(
        input.len(),
        #[inline(always)]
        |part| {
            let deviation = simd.sub(simd.load_part(input, part, 0.0), mean);
            let x = simd.mul_add(deviation, inverse_std, offset);
            let gamma = simd.load_part(norm.gamma, part, 0.0);
            let y = match norm.beta {
                Some(beta) => simd.mul_add(x, gamma, simd.load_part(beta, part, 0.0)),
                None => simd.mul(x, gamma),
            };
            simd.store_part(output, part, y);
        },
    );
}
