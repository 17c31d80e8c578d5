//! Learning rates.

/// The learning rate of a step, from `first` down to `last` along half a cosine ("SGDR", Loshchilov and Hutter, arXiv 1608.03983,
/// equation 5, without restarts); `last` from step `steps` on.
pub fn cosine_rate(step: usize, steps: usize, first: f64, last: f64) -> f64 {
    if step >= steps {
        return last;
    }
    let part = step as f64 / steps as f64;
    last + 0.5 * (first - last) * (1.0 + (std::f64::consts::PI * part).cos())
}
