//! The inverse wavelet transforms (ISO/IEC 15444-1 annex F).

/// Columns that are filtered at once.
const LANES: usize = 16;

/// A kind of coefficient, and with it the filter.
pub(super) trait Coefficient: Copy + Default {
    /// Filters one line of samples in its low and high halves; in an odd one the first sample is of the high half.
    fn filter(low: &mut [Self], high: &mut [Self], is_odd: bool);
    /// Filters several at once.
    fn filter_lanes(low: &mut [[Self; LANES]], high: &mut [[Self; LANES]], is_odd: bool);
    /// A high-pass coefficient that is alone.
    fn halved(self) -> Self;
}

impl Coefficient for i32 {
    fn filter(low: &mut [Self], high: &mut [Self], is_odd: bool) {
        lift(low, high, !is_odd, even);
        lift(high, low, is_odd, odd);
    }

    fn filter_lanes(low: &mut [[Self; LANES]], high: &mut [[Self; LANES]], is_odd: bool) {
        lift(low, high, !is_odd, lanes(even));
        lift(high, low, is_odd, lanes(odd));
    }

    fn halved(self) -> Self {
        self / 2
    }
}

fn even(v: i32, a: i32, b: i32) -> i32 {
    v.wrapping_sub(a.wrapping_add(b).wrapping_add(2) >> 2)
}

fn odd(v: i32, a: i32, b: i32) -> i32 {
    v.wrapping_add(a.wrapping_add(b) >> 1)
}

/// The constants of Table F.4.
const ALPHA: f32 = -1.586_134_3;
const BETA: f32 = -0.052_980_12;
const GAMMA: f32 = 0.882_911_1;
const DELTA: f32 = 0.443_506_85;
const K: f32 = 1.230_174_1;

impl Coefficient for f32 {
    fn filter(low: &mut [Self], high: &mut [Self], is_odd: bool) {
        low.iter_mut().for_each(|v| *v *= K);
        high.iter_mut().for_each(|v| *v *= 1.0 / K);
        lift(low, high, !is_odd, step(DELTA));
        lift(high, low, is_odd, step(GAMMA));
        lift(low, high, !is_odd, step(BETA));
        lift(high, low, is_odd, step(ALPHA));
    }

    fn filter_lanes(low: &mut [[Self; LANES]], high: &mut [[Self; LANES]], is_odd: bool) {
        low.iter_mut().flatten().for_each(|v| *v *= K);
        high.iter_mut().flatten().for_each(|v| *v *= 1.0 / K);
        lift(low, high, !is_odd, lanes(step(DELTA)));
        lift(high, low, is_odd, lanes(step(GAMMA)));
        lift(low, high, !is_odd, lanes(step(BETA)));
        lift(high, low, is_odd, lanes(step(ALPHA)));
    }

    fn halved(self) -> Self {
        self / 2.0
    }
}

fn step(by: f32) -> impl Fn(f32, f32, f32) -> f32 {
    move |v, a, b| v - by * (a + b)
}

fn lanes<T: Copy>(step: impl Fn(T, T, T) -> T) -> impl Fn([T; LANES], [T; LANES], [T; LANES]) -> [T; LANES] {
    move |v, a, b| std::array::from_fn(|i| step(v[i], a[i], b[i]))
}

/// Changes each of `samples` by its two neighbours among the `others`: the one before and the one of the same number where these
/// start later (`is_first`), else that of the same number and the next. At the ends both are the same.
#[inline(always)]
fn lift<T: Copy>(samples: &mut [T], others: &[T], is_first: bool, step: impl Fn(T, T, T) -> T) {
    let Some(last) = others.len().checked_sub(1) else { return };
    let before = usize::from(is_first);
    let at = |i: usize| others[i.min(last)];
    let inner = samples.len().min(others.len() - 1 + before);
    if let (true, Some(first)) = (is_first, samples.first_mut()) {
        *first = step(*first, at(0), at(0));
    }
    let inside = samples.get_mut(before..inner).unwrap_or_default();
    for ((v, a), b) in inside.iter_mut().zip(others).zip(&others[1..]) {
        *v = step(*v, *a, *b);
    }
    for (i, v) in samples.iter_mut().enumerate().skip(inner.max(before)) {
        *v = step(*v, at(i - before), at(i + 1 - before));
    }
}

/// The samples of an area, some sub-bands of which are filtered already.
pub(super) struct Area<'a, T> {
    pub(super) samples: &'a mut [T],
    /// Samples from one row to the next.
    pub(super) stride: usize,
}

/// The rectangle of one resolution, on its own grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Makes one resolution of its sub-bands, which lie with the low halves first (F.3.2).
pub(super) fn inverse<T: Coefficient>(area: &mut Area<T>, of: Extent) {
    across(area, of);
    down(area, of);
}

/// How many of `count` samples from place `first` are low-pass.
fn lows(first: u32, count: usize) -> usize {
    count.div_ceil(2) - usize::from(first % 2 == 1 && count % 2 == 1)
}

fn across<T: Coefficient>(area: &mut Area<T>, of: Extent) {
    let is_odd = of.x % 2 == 1;
    let mut line = vec![T::default(); of.width];
    for row in area.samples.chunks_mut(area.stride).take(of.height) {
        let Some(row) = row.get_mut(..of.width) else { return };
        if let [only] = row {
            *only = if is_odd { only.halved() } else { *only };
            continue;
        }
        let (low, high) = row.split_at_mut(lows(of.x, of.width));
        T::filter(low, high, is_odd);
        let (first, second): (&[T], &[T]) = if is_odd { (high, low) } else { (low, high) };
        for (pair, (a, b)) in line.as_chunks_mut::<2>().0.iter_mut().zip(first.iter().zip(second)) {
            *pair = [*a, *b];
        }
        if let (1, Some(end), Some(a)) = (of.width % 2, line.last_mut(), first.last()) {
            *end = *a;
        }
        row.copy_from_slice(&line);
    }
}

fn down<T: Coefficient>(area: &mut Area<T>, of: Extent) {
    let is_odd = of.y % 2 == 1;
    if of.height == 1 {
        if is_odd {
            area.samples.iter_mut().take(of.width).for_each(|v| *v = v.halved());
        }
        return;
    }
    let low_rows = lows(of.y, of.height);
    let mut strip = vec![[T::default(); LANES]; of.height];
    for x in (0..of.width).step_by(LANES) {
        let lanes = LANES.min(of.width - x);
        for (to, from) in strip.iter_mut().zip(area.samples.chunks(area.stride)) {
            if let Some(from) = from.get(x..x + lanes) {
                to[..lanes].copy_from_slice(from);
            }
        }
        let (low, high) = strip.split_at_mut(low_rows);
        T::filter_lanes(low, high, is_odd);
        for (i, to) in area.samples.chunks_mut(area.stride).take(of.height).enumerate() {
            let half: &[[T; LANES]] = if (i % 2 == 1) == is_odd { low } else { high };
            if let (Some(to), Some(from)) = (to.get_mut(x..x + lanes), half.get(i / 2)) {
                to.copy_from_slice(&from[..lanes]);
            }
        }
    }
}
