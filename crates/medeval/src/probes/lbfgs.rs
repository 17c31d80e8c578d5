//! Minimising a smooth function.

use std::collections::VecDeque;

use ndarray::Array1;

/// Steps whose curvature is remembered.
const MEMORY: usize = 10;
/// Share of the expected decrease that a step must bring (Armijo).
const DECREASE: f64 = 1e-4;
/// Halvings of a step before it is given up.
const HALVINGS: usize = 40;

/// Where the search ended.
pub(crate) struct Minimum {
    pub(crate) at: Array1<f64>,
    /// Whether no entry of the gradient is larger than the tolerance.
    pub(crate) converged: bool,
}

/// L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 7.5) with backtracking, for functions that are convex.
///
/// `function` gives value and gradient.
pub(crate) fn minimize(
    function: impl Fn(&Array1<f64>) -> (f64, Array1<f64>),
    start: Array1<f64>,
    tolerance: f64,
    iterations: usize,
) -> Minimum {
    let mut at = start;
    let (mut value, mut gradient) = function(&at);
    let mut memory: VecDeque<(Array1<f64>, Array1<f64>)> = VecDeque::with_capacity(MEMORY);
    for _ in 0..iterations {
        if largest(&gradient) <= tolerance {
            return Minimum { at, converged: true };
        }
        let mut direction = -descent(&gradient, &memory);
        let mut slope = direction.dot(&gradient);
        if slope >= 0.0 {
            memory.clear();
            direction = -&gradient;
            slope = -gradient.dot(&gradient);
        }
        let mut step =
            if memory.is_empty() { (1.0 / direction.dot(&direction).sqrt()).min(1.0) } else { 1.0 };
        let mut next = None;
        for _ in 0..HALVINGS {
            let trial = &at + &(&direction * step);
            let (trial_value, trial_gradient) = function(&trial);
            if trial_value <= value + DECREASE * step * slope {
                next = Some((trial, trial_value, trial_gradient));
                break;
            }
            step /= 2.0;
        }
        let Some((next_at, next_value, next_gradient)) = next else { break };
        let (moved, turned) = (&next_at - &at, &next_gradient - &gradient);
        if moved.dot(&turned) > f64::EPSILON * turned.dot(&turned) {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((moved, turned));
        }
        (at, value, gradient) = (next_at, next_value, next_gradient);
    }
    let converged = largest(&gradient) <= tolerance;
    Minimum { at, converged }
}

fn largest(gradient: &Array1<f64>) -> f64 {
    gradient.iter().fold(0.0, |a, b| a.max(b.abs()))
}

/// The gradient times the approximate inverse Hessian (two-loop recursion).
fn descent(gradient: &Array1<f64>, memory: &VecDeque<(Array1<f64>, Array1<f64>)>) -> Array1<f64> {
    let mut direction = gradient.clone();
    let mut shares = Vec::with_capacity(memory.len());
    for (moved, turned) in memory.iter().rev() {
        let share = moved.dot(&direction) / moved.dot(turned);
        direction.scaled_add(-share, turned);
        shares.push(share);
    }
    if let Some((moved, turned)) = memory.back() {
        direction *= moved.dot(turned) / turned.dot(turned);
    }
    for ((moved, turned), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = turned.dot(&direction) / moved.dot(turned);
        direction.scaled_add(share - back, moved);
    }
    direction
}
