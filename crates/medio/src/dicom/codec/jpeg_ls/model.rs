//! Contexts, prediction errors and parameters of JPEG-LS (ISO/IEC 14495-1 annex A).

use super::super::Failure;
use super::bits::Bits;

/// Orders of the run-length codes (A.2.1).
pub(super) const RUN_ORDERS: [u8; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Contexts of the regular mode, by the gradients 9 * (9 * q1 + q2) + q3, which are not negative once the sign is taken out.
const CONTEXTS: usize = 4 * 81 + 4 * 9 + 4 + 1;

/// The parameters of a scan (C.2.4.1 and A.2.1).
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub(super) near: i32,
    pub(super) most: i32,
    pub(super) range: i32,
    qbpp: u32,
    limit: u32,
    reset: i32,
    thresholds: [i32; 3],
}

impl Parameters {
    /// From the precision, NEAR and MAXVAL, T1, T2, T3 and RESET, where 0 stands for the default.
    pub(super) fn new(precision: u32, near: i32, preset: [u16; 5]) -> Result<Self, Failure> {
        let [most, t1, t2, t3, reset] = preset.map(i32::from);
        let largest = (1i32 << precision) - 1;
        let most = if most == 0 { largest } else { most };
        if most > largest || near > (most / 2).min(255) {
            return Err(
                format!("a largest value of {most} and a tolerance of {near} in {precision} bits").into()
            );
        }
        let defaults = default_thresholds(most, near);
        let choose = |given: i32, default: i32| if given == 0 { default } else { given };
        let thresholds = [choose(t1, defaults[0]), choose(t2, defaults[1]), choose(t3, defaults[2])];
        let [t1, t2, t3] = thresholds;
        if !(near < t1 && t1 <= t2 && t2 <= t3 && t3 <= most) || !(reset == 0 || reset >= 3) {
            return Err(format!("thresholds {t1}, {t2}, {t3} and reset {reset}").into());
        }
        let range = (most + 2 * near) / (2 * near + 1) + 1;
        let bits_of = |n: i32| 32 - (n.max(1) - 1).leading_zeros();
        let bpp = bits_of(most + 1).max(2);
        Ok(Self {
            near,
            most,
            range,
            qbpp: bits_of(range),
            limit: 2 * (bpp + bpp.max(8)),
            reset: choose(reset, 64),
            thresholds,
        })
    }

    /// The region of a gradient, -4 to 4 (A.3.3).
    #[inline]
    pub(super) fn quantize(&self, gradient: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = gradient.abs();
        let region = i32::from(size > self.near)
            + i32::from(size >= t1)
            + i32::from(size >= t2)
            + i32::from(size >= t3);
        if gradient < 0 { -region } else { region }
    }

    /// The sample that a prediction and its error stand for (A.4.4 and A.4.5).
    #[inline]
    fn reconstruct(&self, prediction: i32, error: i32) -> i32 {
        if self.near == 0 {
            let value = prediction + error;
            let wrapped = value + if value < 0 { self.range } else { 0 };
            return (wrapped - if value > self.most { self.range } else { 0 }).clamp(0, self.most);
        }
        let step = 2 * self.near + 1;
        let mut value = prediction + error * step;
        if value < -self.near {
            value += self.range * step;
        } else if value > self.most + self.near {
            value -= self.range * step;
        }
        value.clamp(0, self.most)
    }
}

/// C.2.4.1.1.1.
fn default_thresholds(most: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, low: i32| if value > most || value < low { low } else { value };
    let (b1, b2, b3) = (3, 7, 21);
    if most >= 128 {
        let factor = (most.min(4095) + 128) / 256;
        let t1 = clamp(factor * (b1 - 2) + 2 + 3 * near, near + 1);
        let t2 = clamp(factor * (b2 - 3) + 3 + 5 * near, t1);
        [t1, t2, clamp(factor * (b3 - 4) + 4 + 7 * near, t2)]
    } else {
        let factor = 256 / (most + 1);
        let t1 = clamp((b1 / factor + 3 * near).max(2), near + 1);
        let t2 = clamp((b2 / factor + 5 * near).max(3), t1);
        [t1, t2, clamp((b3 / factor + 7 * near).max(4), t2)]
    }
}

#[derive(Clone, Copy)]
struct Context {
    a: i32,
    b: i32,
    c: i32,
    n: i32,
}

#[derive(Clone, Copy)]
struct RunContext {
    a: i32,
    n: i32,
    negative: i32,
}

/// What a scan has learned so far.
pub(super) struct Model {
    parameters: Parameters,
    regular: Vec<Context>,
    run: [RunContext; 2],
}

/// The order of the Golomb code for a mean error of `a / n` (A.5.1): the least by which `n` has to be shifted to reach `a`.
#[inline]
fn golomb_order(a: i32, n: i32) -> u32 {
    // Both have as many digits then, so that one more is enough. Neither is negative, and `n` is not 0.
    let k = n.leading_zeros().saturating_sub(a.leading_zeros());
    (k + u32::from((i64::from(n) << k) < i64::from(a))).min(24)
}

impl Model {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let a = ((parameters.range + 32) / 64).max(2);
        Self {
            parameters: parameters.clone(),
            regular: vec![Context { a, b: 0, c: 0, n: 1 }; CONTEXTS],
            run: [RunContext { a, n: 1, negative: 0 }; 2],
        }
    }

    /// A sample in regular mode (A.4 to A.6). `context` is that of the gradients, its sign not yet taken out.
    #[inline]
    pub(super) fn regular(
        &mut self,
        bits: &mut Bits<'_>,
        context: i32,
        predicted: i32,
    ) -> Result<i32, Failure> {
        let parameters = &self.parameters;
        let sign = if context < 0 { -1 } else { 1 };
        let state =
            self.regular.get_mut(context.unsigned_abs() as usize).ok_or("a context beyond the last")?;
        let predicted = (predicted + sign * state.c).clamp(0, parameters.most);
        let k = golomb_order(state.a, state.n);
        let mapped = bits.golomb(k, parameters.limit, parameters.qbpp)?;
        // Even numbers are errors from 0 up, odd ones from -1 down, or the other way round.
        let swapped = parameters.near == 0 && k == 0 && 2 * state.b <= -state.n;
        let error = (mapped >> 1) ^ -((mapped & 1) ^ i32::from(swapped));
        if error.abs() > parameters.range {
            return Err("a prediction error beyond the range of the samples".into());
        }
        state.a = state.a.saturating_add(error.abs());
        state.b += error * (2 * parameters.near + 1);
        if state.n == parameters.reset {
            state.a >>= 1;
            state.b >>= 1;
            state.n >>= 1;
        }
        state.n += 1;
        if state.b <= -state.n {
            state.b = (state.b + state.n).max(1 - state.n);
            state.c = (state.c - 1).max(-128);
        } else if state.b > 0 {
            state.b = (state.b - state.n).min(0);
            state.c = (state.c + 1).min(127);
        }
        Ok(parameters.reconstruct(predicted, sign * error))
    }

    /// The sample that ends a run, between `left` and `above` (A.7.2). Where all components of a pixel share the run,
    /// `shared`, there is only one context.
    pub(super) fn end_of_run(
        &mut self,
        bits: &mut Bits<'_>,
        run_index: usize,
        left: i32,
        above: i32,
        shared: bool,
    ) -> Result<i32, Failure> {
        let parameters = &self.parameters;
        let alike = !shared && (left - above).abs() <= parameters.near;
        let kind = i32::from(alike);
        let [different, same] = &mut self.run;
        let state = if alike { same } else { different };
        let mean = if alike { state.a + (state.n >> 1) } else { state.a };
        let k = golomb_order(mean, state.n);
        let order = RUN_ORDERS.get(run_index).map_or(0, |order| u32::from(*order));
        let mapped = bits.golomb(k, parameters.limit - order - 1, parameters.qbpp)?;
        let total = mapped + kind;
        let odd = total & 1;
        let size = (total + odd) / 2;
        if size > parameters.range {
            return Err("a prediction error beyond the range of the samples".into());
        }
        let error = if (k != 0 || 2 * state.negative >= state.n) == (odd == 1) { -size } else { size };
        if error < 0 {
            state.negative += 1;
        }
        state.a = state.a.saturating_add((mapped + 1 - kind) >> 1);
        if state.n == parameters.reset {
            state.a >>= 1;
            state.n >>= 1;
            state.negative >>= 1;
        }
        state.n += 1;
        Ok(if alike {
            parameters.reconstruct(left, error)
        } else {
            parameters.reconstruct(above, if above < left { -error } else { error })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_standard_s_loop() {
        for n in (1..=300).chain([0xFFFF]) {
            for a in (0..5000).chain((0..31).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
                let expected = (0..24).find(|k| i64::from(n) << k >= i64::from(a)).unwrap_or(24);
                assert_eq!(golomb_order(a, n), expected, "{a} / {n}");
            }
        }
    }
}
