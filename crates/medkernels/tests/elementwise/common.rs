//! Inputs, instruction sets and measures of error.

use medkernels::{Isa, with_isa};

/// Lengths around the widths of registers, and beyond what one thread takes.
pub(crate) const SIZES: [usize; 10] = [0, 1, 15, 16, 17, 31, 33, 1000, 4099, 70_001];

/// Asserts that `run` gives the same bits on one thread and on three, and returns what it gives.
pub(crate) fn on_any_number_of_threads<T: PartialEq + Send + std::fmt::Debug>(
    run: impl Fn() -> T + Sync,
) -> T {
    let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(&run);
    let expected = on(1);
    assert!(on(3) == expected, "threads change the result");
    expected
}

/// Calls `body` under every instruction set of this processor.
pub(crate) fn for_each_isa(mut body: impl FnMut(Isa)) {
    for isa in Isa::available() {
        with_isa(isa, || body(isa)).unwrap();
    }
}

/// Numbers from -`limit` to `limit` that are the same on every call.
pub(crate) fn numbers(count: usize, seed: u64, limit: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * limit
        })
        .collect()
}

/// Every `step`-th bit pattern: all exponents, both signs, NaN and infinities.
pub(crate) fn sweep(step: usize) -> Vec<f32> {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        88.722_83,
        88.722_84,
        -87.336_54,
        -103.972_07,
        -103.972_08,
        -103.98,
    ];
    (0..=u32::MAX).step_by(step).map(f32::from_bits).chain(special).collect()
}

/// How many units in the last place of `expected`, as an `f32`, `got` is off.
pub(crate) fn ulps(got: f32, expected: f64) -> f64 {
    if expected.is_nan() || got.is_nan() {
        return if expected.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let rounded = expected as f32;
    if rounded.is_infinite() || got.is_infinite() {
        return if rounded == got { 0.0 } else { f64::INFINITY };
    }
    let exponent = expected.abs().log2().floor().clamp(-126.0, 127.0);
    (f64::from(got) - expected).abs() / (exponent - 23.0).exp2()
}

/// The input with the largest error and that error; NaN counts as infinite.
pub(crate) fn worst(input: &[f32], output: &[f32], error: impl Fn(f32, f32) -> f64) -> (f32, f64) {
    assert_eq!(input.len(), output.len());
    let mut worst = (0.0, -1.0);
    for (&x, &y) in input.iter().zip(output) {
        let error = error(x, y);
        let error = if error.is_nan() { f64::INFINITY } else { error };
        if error > worst.1 {
            worst = (x, error);
        }
    }
    worst
}

/// Asserts that no number is farther off than `tolerance`, relative to numbers above 1; NaN must meet NaN.
#[track_caller]
pub(crate) fn assert_close(got: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    for (index, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let close = if expected.is_nan() {
            got.is_nan()
        } else if expected.is_infinite() {
            f64::from(got) == expected
        } else {
            (f64::from(got) - expected).abs() <= tolerance * expected.abs().max(1.0)
        };
        assert!(close, "{what}: number {index} is {got}, expected {expected}");
    }
}
