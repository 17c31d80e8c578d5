//! Gradient descent with momentum.

use crate::simd::{Isa, Kernel, Matrix, MatrixMut, Simd, for_each_block, run};

/// Stochastic gradient descent with momentum, as PyTorch computes it: the velocity is that of gradients, and the rate is applied after it.
///
/// ```
/// use medkernels::optimizer::Sgd;
/// let sgd = Sgd { rate: 0.1, momentum: 0.5, dampening: 0.0, nesterov: false, weight_decay: 0.0 };
/// let (mut parameters, mut velocity) = ([1.0], [0.0]);
/// sgd.step(&[2.0], &mut parameters, &mut velocity);
/// assert!((parameters[0] - 0.8).abs() < 1e-6 && velocity == [2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub rate: f64,
    /// How much of the velocity a step keeps.
    pub momentum: f64,
    /// How much of the gradient does not join the velocity.
    pub dampening: f64,
    /// Whether the step looks ahead along the velocity (Nesterov).
    pub nesterov: bool,
    /// What of a parameter is added to its gradient.
    pub weight_decay: f64,
}

impl Sgd {
    /// A step of `parameters` along `gradient`. The velocity is zeros before the first step, in which PyTorch dampens nothing.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn step(&self, gradient: &[f32], parameters: &mut [f32], velocity: &mut [f32]) {
        assert_eq!(gradient.len(), parameters.len(), "lengths of gradient and parameters");
        assert_eq!(velocity.len(), parameters.len(), "lengths of velocity and parameters");
        let (isa, sgd) = (Isa::current(), *self);
        let rows = (
            Matrix { data: gradient, width: 1 },
            MatrixMut { data: parameters, width: 1 },
            MatrixMut { data: velocity, width: 1 },
        );
        for_each_block(rows, 1, |(gradient, parameters, velocity)| {
            let (gradient, parameters, velocity) = (gradient.data, parameters.data, velocity.data);
            run(isa, Step { sgd, gradient, parameters, velocity });
        });
    }
}

struct Step<'a> {
    sgd: Sgd,
    gradient: &'a [f32],
    parameters: &'a mut [f32],
    velocity: &'a mut [f32],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { sgd, gradient, parameters, velocity } = self;
        let (rate, momentum) = (simd.splat(sgd.rate as f32), simd.splat(sgd.momentum as f32));
        let (joins, decay) = (simd.splat((1.0 - sgd.dampening) as f32), simd.splat(sgd.weight_decay as f32));
        simd.for_each_part(
            gradient.len(),
            #[inline(always)]
            |part| {
                let parameter = simd.load_part(parameters, part, 0.0);
                let g = simd.mul_add(parameter, decay, simd.load_part(gradient, part, 0.0));
                let old = simd.mul(simd.load_part(velocity, part, 0.0), momentum);
                let new = simd.mul_add(g, joins, old);
                simd.store_part(velocity, part, new);
                let along = if sgd.nesterov { simd.mul_add(new, momentum, g) } else { new };
                simd.store_part(parameters, part, simd.neg_mul_add(along, rate, parameter));
            },
        );
    }
}
