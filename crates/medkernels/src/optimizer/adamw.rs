//! Adam with decoupled weight decay.

use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, for_each_block, run};

/// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) as PyTorch computes it: moments are corrected for having begun at zero, `epsilon` is
/// added to the root, and weights decay beside the step along the gradient.
///
/// ```
/// use medkernels::optimizer::AdamW;
/// let adamw = AdamW { rate: 0.1, betas: [0.9, 0.999], epsilon: 0.0, weight_decay: 0.0 };
/// let (mut parameters, mut first, mut second) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
/// adamw.step(1, &[4.0, -0.5], &mut parameters, &mut first, &mut second);
/// // The first step is as long as the rate, whatever the length of the gradient.
/// assert!((parameters[0] - 0.9).abs() < 1e-6 && (parameters[1] - 1.1).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub rate: f64,
    /// How much of the mean of gradients, and of that of their squares, a step keeps.
    pub betas: [f64; 2],
    /// What is added to the root of the mean square.
    pub epsilon: f64,
    /// Part of a parameter that a step takes away, over the learning rate.
    pub weight_decay: f64,
}

impl AdamW {
    /// Step number `number`, counted from 1, of `parameters` along `gradient`; `first` and `second` are the means of gradients and of their
    /// squares, zeros before the first step.
    ///
    /// Where the gradient is NaN or infinite, the parameter becomes NaN.
    ///
    /// # Panics
    ///
    /// If the lengths differ, or the number is 0.
    pub fn step(
        &self,
        number: u32,
        gradient: &[f32],
        parameters: &mut [f32],
        first: &mut [f32],
        second: &mut [f32],
    ) {
        assert_eq!(gradient.len(), parameters.len(), "lengths of gradient and parameters");
        assert_eq!(first.len(), parameters.len(), "lengths of first moments and parameters");
        assert_eq!(second.len(), parameters.len(), "lengths of second moments and parameters");
        assert!(number > 0, "steps are counted from 1");
        let (isa, factors) = (Isa::current(), Factors::of(self, number));
        let rows = (
            Matrix { data: gradient, width: 1 },
            MatrixMut { data: parameters, width: 1 },
            MatrixMut { data: first, width: 1 },
            MatrixMut { data: second, width: 1 },
        );
        for_each_block(rows, 1, |(gradient, parameters, first, second)| {
            let (gradient, parameters) = (gradient.data, parameters.data);
            run(isa, Step { factors, gradient, parameters, first: first.data, second: second.data });
        });
    }
}

/// What all numbers have in common in a step.
#[derive(Clone, Copy)]
struct Factors {
    /// Of the difference between a gradient and the mean so far.
    first: f32,
    /// Of the mean square so far, and of a square.
    second: [f32; 2],
    /// Of the root of the mean square.
    root: f32,
    epsilon: f32,
    /// Of the mean over its spread.
    step: f32,
    /// Of a parameter.
    decay: f32,
}

impl Factors {
    fn of(adamw: &AdamW, number: u32) -> Self {
        let AdamW { rate, betas, epsilon, weight_decay } = *adamw;
        // What the means lack of those of gradients alone: they began at zero.
        let [first, second] = betas.map(|beta| 1.0 - beta.powf(f64::from(number)));
        Self {
            first: (1.0 - betas[0]) as f32,
            second: [betas[1] as f32, (1.0 - betas[1]) as f32],
            root: (1.0 / second.sqrt()) as f32,
            epsilon: epsilon as f32,
            step: (rate / first) as f32,
            decay: (rate * weight_decay) as f32,
        }
    }
}

struct Step<'a> {
    factors: Factors,
    gradient: &'a [f32],
    parameters: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { factors, gradient, parameters, first, second } = self;
        let new_part = simd.splat(factors.first);
        let [old_square, new_square] = factors.second.map(|factor| simd.splat(factor));
        let (root, epsilon) = (simd.splat(factors.root), simd.splat(factors.epsilon));
        let (step, decay) = (simd.splat(factors.step), simd.splat(factors.decay));
        simd.for_each_part(
            gradient.len(),
            #[inline(always)]
            |part| {
                let g = simd.load_part(gradient, part, 0.0);
                let mean = simd.load_part(first, part, 0.0);
                let mean = simd.mul_add(simd.sub(g, mean), new_part, mean);
                simd.store_part(first, part, mean);
                let square = simd.mul(simd.load_part(second, part, 0.0), old_square);
                let square = simd.mul_add(simd.mul(g, new_square), g, square);
                simd.store_part(second, part, square);
                let spread = simd.mul_add(simd.sqrt(square), root, epsilon);
                // Both ways that a parameter goes are added up before it is rounded: each may be below what it can resolve.
                let parameter = simd.load_part(parameters, part, 0.0);
                let along = simd.mul(simd.div(mean, spread), step);
                let change = simd.mul_add(parameter, decay, along);
                simd.store_part(parameters, part, simd.sub(parameter, change));
            },
        );
    }
}
