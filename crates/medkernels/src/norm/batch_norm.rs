//! Batch normalisation in training, with a sum and ReLU that follow it, and their gradients.
#![allow(unsafe_code)]

use crate::simd::{Isa, Kernel, Simd, run};
use crate::sizes::product;
use crate::threads::{Shared, for_each};

/// Values that are summed up in `f32` before they are added in `f64`.
const SUMMED: usize = 4096;

/// A batch norm that normalises by the batch (Ioffe and Szegedy, arXiv 1502.03167, algorithm 1), over images
/// `[batch, channels, pixels]`: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, and then `max(y + residual, 0)`, as far as asked for.
#[derive(Debug, Clone, Copy)]
pub struct BatchNorm<'a> {
    /// `[channels]`
    pub gamma: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
    /// Pixels of an image.
    pub pixels: usize,
    /// Whether ReLU follows.
    pub relu: bool,
}

/// Mean and variance of each channel of a batch; the variance is the biased one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchNormStatistics {
    /// `[channels]`
    pub mean: Vec<f32>,
    /// `[channels]`
    pub variance: Vec<f32>,
}

/// Gradients of the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormGradients {
    /// `[channels]`
    pub gamma: Vec<f32>,
    /// `[channels]`
    pub beta: Vec<f32>,
}

impl BatchNorm<'_> {
    /// Normalises `x` into `y`, with `beta` `[channels]` and a `residual` of the shape of `x`. Mean and variance of no images are NaN.
    ///
    /// # Panics
    /// When the lengths do not fit each other, or there are no channels or pixels.
    pub fn forward(
        &self,
        x: &[f32],
        beta: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
    ) -> BatchNormStatistics {
        let batch = self.batch(x);
        assert_eq!(beta.len(), self.gamma.len(), "values of beta");
        assert_eq!(y.len(), x.len(), "values of the output");
        assert!(residual.is_none_or(|residual| residual.len() == x.len()), "values of the residual");
        let channels = self.gamma.len();
        let mut found = BatchNormStatistics { mean: vec![0.0; channels], variance: vec![0.0; channels] };
        let (to, means, variances) =
            (Shared(y.as_mut_ptr()), Shared(found.mean.as_mut_ptr()), Shared(found.variance.as_mut_ptr()));
        let isa = Isa::current();
        for_each(channels, |channel| {
            let planes = || (0..batch).map(|image| self.plane(image, channel));
            let statistics = run(isa, Statistics { x, planes: planes() });
            let [mean, variance] = statistics;
            let scale = self.gamma[channel] * self.reciprocal(variance);
            for plane in planes() {
                // SAFETY: planes lie in the output, which is as long as the input, and no other task has this channel.
                let y = unsafe { std::slice::from_raw_parts_mut(to.at(plane.start), plane.len()) };
                let residual = residual.map(|residual| &residual[plane.clone()]);
                let x = &x[plane];
                run(isa, Normalise { x, mean, scale, beta: beta[channel], residual, relu: self.relu, y });
            }
            // SAFETY: each channel has a place of its own.
            unsafe {
                *means.at(channel) = mean;
                *variances.at(channel) = variance;
            }
        });
        found
    }

    /// Gradients of `x`, into `to`, and of the parameters, from that of the result `y`. Where a residual was added, `sum` becomes its gradient: `gradient` where `y` is positive;
    /// without ReLU it is `gradient` itself, nothing is written, and `y` may be empty.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn backward(
        &self,
        x: &[f32],
        y: &[f32],
        statistics: &BatchNormStatistics,
        gradient: &[f32],
        to: &mut [f32],
        sum: Option<&mut [f32]>,
    ) -> BatchNormGradients {
        let (batch, channels) = (self.batch(x), self.gamma.len());
        assert_eq!([gradient.len(), to.len()], [x.len(); 2], "values of the gradients");
        assert!(!self.relu || y.len() == x.len(), "values of the result");
        assert!(
            sum.as_ref().is_none_or(|sum| sum.len() == x.len()),
            "values of the gradient of the residual"
        );
        assert_eq!([statistics.mean.len(), statistics.variance.len()], [channels; 2], "channels");
        let mut found = BatchNormGradients { gamma: vec![0.0; channels], beta: vec![0.0; channels] };
        let (gammas, betas) = (Shared(found.gamma.as_mut_ptr()), Shared(found.beta.as_mut_ptr()));
        let (to, sum) = (Shared(to.as_mut_ptr()), sum.map(|sum| Shared(sum.as_mut_ptr())));
        let isa = Isa::current();
        for_each(channels, |channel| {
            let (mean, reciprocal) =
                (statistics.mean[channel], self.reciprocal(statistics.variance[channel]));
            let planes = || (0..batch).map(|image| self.plane(image, channel));
            let mask = self.relu.then_some(y);
            // Of the gradient, and of it times what was normalised.
            let [ones, products] = run(isa, Sums { x, mean, mask, gradient, planes: planes() });
            let count = (batch * self.pixels) as f64;
            let products = products * f64::from(reciprocal);
            let scale = self.gamma[channel] * reciprocal;
            let slope = (products / count * f64::from(reciprocal)) as f32;
            let offset = (ones / count) as f32;
            for plane in planes() {
                // SAFETY: as in `forward`.
                let (to, sum) = unsafe {
                    let slice =
                        |part: &Shared| std::slice::from_raw_parts_mut(part.at(plane.start), plane.len());
                    (slice(&to), sum.as_ref().map(slice))
                };
                let mask = mask.map(|y| &y[plane.clone()]);
                let (x, gradient) = (&x[plane.clone()], &gradient[plane]);
                run(isa, InputGradient { x, mean, mask, gradient, scale, slope, offset, to, sum });
            }
            // SAFETY: each channel has a place of its own.
            unsafe {
                *gammas.at(channel) = products as f32;
                *betas.at(channel) = ones as f32;
            }
        });
        found
    }

    /// Images of a batch.
    fn batch(&self, x: &[f32]) -> usize {
        let image = product(&[self.gamma.len(), self.pixels]);
        assert!(
            image > 0 && x.len().is_multiple_of(image),
            "{} values of images of {} channels of {} pixels",
            x.len(),
            self.gamma.len(),
            self.pixels
        );
        x.len() / image
    }

    fn plane(&self, image: usize, channel: usize) -> std::ops::Range<usize> {
        let start = (image * self.gamma.len() + channel) * self.pixels;
        start..start + self.pixels
    }

    fn reciprocal(&self, variance: f32) -> f32 {
        1.0 / (variance + self.epsilon).sqrt()
    }
}

type Range = std::ops::Range<usize>;

/// Mean and variance of some planes.
struct Statistics<'a, P> {
    x: &'a [f32],
    planes: P,
}

impl<P: Iterator<Item = Range> + Clone> Kernel for Statistics<'_, P> {
    type Output = [f32; 2];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f32; 2] {
        let (mut sum, mut count) = (0.0, 0);
        for plane in self.planes.clone() {
            count += plane.len();
            sum += total(
                simd,
                [&self.x[plane]],
                #[inline(always)]
                |[x]| x,
            );
        }
        let mean = (sum / count as f64) as f32;
        let shift = simd.splat(mean);
        let mut squares = 0.0;
        for plane in self.planes {
            squares += total(
                simd,
                [&self.x[plane]],
                #[inline(always)]
                |[x]| {
                    let x = simd.sub(x, shift);
                    simd.mul(x, x)
                },
            );
        }
        // Less the square of what the mean was rounded by.
        let rest = sum / count as f64 - f64::from(mean);
        let variance = squares / count as f64 - rest * rest;
        // Not `max`, which hides NaN.
        [mean, if variance < 0.0 { 0.0 } else { variance as f32 }]
    }
}

/// The sum of a function of registers that lie at the same places. Lanes beyond the last value count as nothing.
#[inline(always)]
fn total<S: Simd, const N: usize>(
    simd: S,
    from: [&[f32]; N],
    term: impl Fn([S::Vector; N]) -> S::Vector,
) -> f64 {
    let length = from[0].len();
    let mut total = 0.0;
    let mut at = 0;
    while at + S::LANES <= length {
        let end = length.min(at + SUMMED);
        let mut sums = [simd.splat(0.0); 4];
        while at + 4 * S::LANES <= end {
            for (i, sum) in sums.iter_mut().enumerate() {
                let at = at + i * S::LANES;
                *sum = simd.add(*sum, term(from.map(|from| simd.load(&from[at..]))));
            }
            at += 4 * S::LANES;
        }
        while at + S::LANES <= end {
            sums[0] = simd.add(sums[0], term(from.map(|from| simd.load(&from[at..]))));
            at += S::LANES;
        }
        total += sums.into_iter().map(|sum| f64::from(simd.sum(sum))).sum::<f64>();
    }
    if at < length {
        // Whole lanes of the rest, one value each: what lies beyond it is not summed up.
        let mut values = [0.0; crate::simd::MAX_LANES];
        let rest = length - at;
        let register = term(from.map(|from| simd.load_partial(&from[at..], 0.0)));
        simd.store_partial(&mut values[..rest], register);
        total += values[..rest].iter().map(|&x| f64::from(x)).sum::<f64>();
    }
    total
}

struct Normalise<'a> {
    x: &'a [f32],
    mean: f32,
    scale: f32,
    beta: f32,
    residual: Option<&'a [f32]>,
    relu: bool,
    y: &'a mut [f32],
}

impl Kernel for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { x, mean, scale, beta, residual, relu, y } = self;
        let constants = [mean, scale, beta].map(|x| simd.splat(x));
        match residual {
            Some(residual) => simd.for_each_part(
                x.len(),
                #[inline(always)]
                |part| {
                    let norm = normalised(simd, simd.load_part(x, part, 0.0), constants);
                    let sum = simd.add(norm, simd.load_part(residual, part, 0.0));
                    simd.store_part(y, part, clipped(simd, sum, relu));
                },
            ),
            None => simd.for_each_part(
                x.len(),
                #[inline(always)]
                |part| {
                    let norm = normalised(simd, simd.load_part(x, part, 0.0), constants);
                    simd.store_part(y, part, clipped(simd, norm, relu));
                },
            ),
        }
    }
}

#[inline(always)]
fn normalised<S: Simd>(simd: S, x: S::Vector, [mean, scale, beta]: [S::Vector; 3]) -> S::Vector {
    simd.mul_add(simd.sub(x, mean), scale, beta)
}

/// NaN stays: `max` gives its second operand.
#[inline(always)]
fn clipped<S: Simd>(simd: S, y: S::Vector, relu: bool) -> S::Vector {
    if relu { simd.max(simd.splat(0.0), y) } else { y }
}

/// The gradient where the result is positive, or everywhere without a result.
#[inline(always)]
fn masked<S: Simd>(simd: S, gradient: S::Vector, y: S::Vector) -> S::Vector {
    simd.select(simd.less(simd.splat(0.0), y), gradient, simd.splat(0.0))
}

/// The sum of the gradient, and of it times the distance of the input from the mean.
struct Sums<'a, P> {
    x: &'a [f32],
    mean: f32,
    mask: Option<&'a [f32]>,
    gradient: &'a [f32],
    planes: P,
}

impl<P: Iterator<Item = Range>> Kernel for Sums<'_, P> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f64; 2] {
        let Self { x, mean, mask, gradient, planes } = self;
        let mean = simd.splat(mean);
        let mut sums = [0.0; 2];
        for plane in planes {
            let (x, gradient) = (&x[plane.clone()], &gradient[plane.clone()]);
            match mask.map(|y| &y[plane]) {
                Some(y) => {
                    sums[0] += total(
                        simd,
                        [gradient, y],
                        #[inline(always)]
                        |[g, y]| masked(simd, g, y),
                    );
                    sums[1] += total(
                        simd,
                        [gradient, y, x],
                        #[inline(always)]
                        |[g, y, x]| simd.mul(masked(simd, g, y), simd.sub(x, mean)),
                    );
                }
                None => {
                    sums[0] += total(
                        simd,
                        [gradient],
                        #[inline(always)]
                        |[g]| g,
                    );
                    sums[1] += total(
                        simd,
                        [gradient, x],
                        #[inline(always)]
                        |[g, x]| simd.mul(g, simd.sub(x, mean)),
                    );
                }
            }
        }
        sums
    }
}

/// `scale * (gradient - offset - (x - mean) * slope)`
struct InputGradient<'a> {
    x: &'a [f32],
    mean: f32,
    mask: Option<&'a [f32]>,
    gradient: &'a [f32],
    scale: f32,
    slope: f32,
    offset: f32,
    to: &'a mut [f32],
    sum: Option<&'a mut [f32]>,
}

impl Kernel for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { x, mean, mask, gradient, scale, slope, offset, to, sum } = self;
        let [mean, scale, slope, offset] = [mean, scale, slope, offset].map(|x| simd.splat(x));
        let mut sum = sum;
        simd.for_each_part(
            x.len(),
            #[inline(always)]
            |part| {
                let mut g = simd.load_part(gradient, part, 0.0);
                if let Some(y) = mask {
                    g = masked(simd, g, simd.load_part(y, part, 0.0));
                    if let Some(sum) = &mut sum {
                        simd.store_part(sum, part, g);
                    }
                }
                let distance = simd.sub(simd.load_part(x, part, 0.0), mean);
                let rest = simd.neg_mul_add(distance, slope, simd.sub(g, offset));
                simd.store_part(to, part, simd.mul(scale, rest));
            },
        );
    }
}
