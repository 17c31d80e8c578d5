//! Attention and its gradients against plain loops in double precision.
#![allow(clippy::unwrap_used)]

use medkernels::attention::{Heads, Mask, attention, attention_backward};
use medkernels::{Isa, with_isa};

fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        })
        .collect()
}

/// Sizes, and the factors as `[batch, tokens, heads, width]`.
struct Case {
    batch: usize,
    heads: usize,
    queries: usize,
    keys: usize,
    width: usize,
    value_width: usize,
}

impl Case {
    fn factors(&self) -> [Vec<f32>; 4] {
        let (b, h) = (self.batch, self.heads);
        [
            values(b * self.queries * h * self.width, 1),
            values(b * self.keys * h * self.width, 2),
            values(b * self.keys * h * self.value_width, 3),
            values(b * self.queries * h * self.value_width, 4),
        ]
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    fn view<'a>(&self, data: &'a [f32], tokens: usize, width: usize) -> Heads<'a> {
        let strides = [tokens * self.heads * width, width, self.heads * width];
        Heads::new(data, [self.batch, self.heads, tokens, width], strides)
    }

    /// The output, and the gradients of queries, keys and values.
    fn reference(
        &self,
        factors: &[Vec<f32>; 4],
        hidden: impl Fn(usize, usize, usize, usize) -> bool,
    ) -> [Vec<f64>; 4] {
        let [q, k, v, g] = factors.each_ref().map(|x| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        let mut out = [vec![0.0; g.len()], vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
        let scale = f64::from(self.scale());
        let at = |b: usize, t: usize, tokens: usize, h: usize, width: usize| {
            ((b * tokens + t) * self.heads + h) * width
        };
        for b in 0..self.batch {
            for h in 0..self.heads {
                for i in 0..self.queries {
                    let qi = at(b, i, self.queries, h, self.width);
                    let gi = at(b, i, self.queries, h, self.value_width);
                    let kj = |j| at(b, j, self.keys, h, self.width);
                    let vj = |j| at(b, j, self.keys, h, self.value_width);
                    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
                    let scores: Vec<f64> = (0..self.keys)
                        .map(|j| {
                            let s = scale * dot(&q[qi..qi + self.width], &k[kj(j)..kj(j) + self.width]);
                            if hidden(b, h, i, j) { f64::NEG_INFINITY } else { s }
                        })
                        .collect();
                    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
                    let p: Vec<f64> = scores.iter().map(|s| (s - largest).exp() / sum).collect();
                    let dp: Vec<f64> = (0..self.keys)
                        .map(|j| dot(&g[gi..gi + self.value_width], &v[vj(j)..vj(j) + self.value_width]))
                        .collect();
                    let mean = dot(&p, &dp);
                    for j in 0..self.keys {
                        for w in 0..self.value_width {
                            out[0][gi + w] += p[j] * v[vj(j) + w];
                            out[3][vj(j) + w] += p[j] * g[gi + w];
                        }
                        let ds = scale * p[j] * (dp[j] - mean);
                        for w in 0..self.width {
                            out[1][qi + w] += ds * k[kj(j) + w];
                            out[2][kj(j) + w] += ds * q[qi + w];
                        }
                    }
                }
            }
        }
        out
    }
}

fn case(batch: usize, heads: usize, queries: usize, keys: usize, width: usize, value_width: usize) -> Case {
    Case { batch, heads, queries, keys, width, value_width }
}

fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    let largest = expected.iter().fold(1e-3, |m: f64, x| m.max(x.abs()));
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(found) - expected).abs() <= 3e-6 * largest, "{what}, {i}: {found} for {expected}");
    }
}

fn check(case: &Case, mask: Option<Mask<'_>>, hidden: impl Fn(usize, usize, usize, usize) -> bool) {
    let factors = case.factors();
    let reference = case.reference(&factors, hidden);
    let [q, k, v, g] = &factors;
    let q = case.view(q, case.queries, case.width);
    let k = case.view(k, case.keys, case.width);
    let v = case.view(v, case.keys, case.value_width);
    let g = case.view(g, case.queries, case.value_width);
    for isa in Isa::available() {
        let mut out = reference.each_ref().map(|x| vec![f32::NAN; x.len()]);
        let [o, dq, dk, dv] = &mut out;
        with_isa(isa, || {
            attention(q, k, v, mask, case.scale(), o);
            attention_backward(q, k, v, mask, case.scale(), g, [dq, dk, dv]);
        })
        .unwrap();
        for ((found, expected), what) in
            out.iter().zip(&reference).zip(["output", "queries", "keys", "values"])
        {
            assert_close(found, expected, &format!("{isa}, {} x {} tokens, {what}", case.queries, case.keys));
        }
    }
}

#[test]
fn all_sizes() {
    for sizes in [
        case(1, 1, 1, 1, 1, 1),
        case(2, 3, 5, 5, 8, 8),
        case(1, 2, 33, 17, 64, 64),
        case(2, 2, 70, 101, 16, 24),
        case(1, 1, 257, 257, 64, 64),
        case(1, 3, 31, 300, 33, 7),
    ] {
        check(&sizes, None, |_, _, _, _| false);
    }
}

#[test]
fn hidden_keys_count_for_nothing() {
    let sizes = case(2, 2, 40, 37, 16, 16);
    let padding: Vec<u8> = (0..2 * 37).map(|i| u8::from(i % 37 >= if i < 37 { 20 } else { 33 })).collect();
    let mask = Mask::new(&padding, [2, 2, 40, 37], [37, 0, 0, 1]);
    check(&sizes, Some(mask), |b, _, _, j| j >= [20, 33][b]);
    // Each query sees itself and what was before it.
    let causal: Vec<u8> = (0..40 * 37).map(|i| u8::from(i % 37 > i / 37)).collect();
    let mask = Mask::new(&causal, [2, 2, 40, 37], [0, 0, 37, 1]);
    check(&sizes, Some(mask), |_, _, i, j| j > i);
}

#[test]
fn a_query_that_sees_nothing_gives_nothing_and_has_no_part_in_gradients() {
    let (x, hidden) = (values(3 * 4, 1), [0, 0, 0, 1, 1, 1, 0, 0, 0]);
    let view = Heads::new(&x, [1, 1, 3, 4], [12, 4, 4]);
    let mask = Mask::new(&hidden, [1, 1, 3, 3], [0, 0, 3, 1]);
    // The other two queries alone.
    let others: Vec<f32> = [&x[..4], &x[8..]].concat();
    let two = Heads::new(&others, [1, 1, 2, 4], [8, 4, 4]);
    for isa in Isa::available() {
        let (mut out, mut expected) = ([f32::NAN; 12], [f32::NAN; 8]);
        let mut grads = [[f32::NAN; 12]; 3];
        let (mut to_query, mut to_key, mut to_value) = ([f32::NAN; 8], [f32::NAN; 12], [f32::NAN; 12]);
        with_isa(isa, || {
            attention(view, view, view, Some(mask), 0.5, &mut out);
            attention(two, view, view, None, 0.5, &mut expected);
            let [q, k, v] = &mut grads;
            attention_backward(view, view, view, Some(mask), 0.5, view, [q, k, v]);
            let to: [&mut [f32]; 3] = [&mut to_query, &mut to_key, &mut to_value];
            attention_backward(two, view, view, None, 0.5, two, to);
        })
        .unwrap();
        assert_eq!(out[4..8], [0.0; 4]);
        assert_eq!([&out[..4], &out[8..]].concat(), expected);
        assert_eq!(grads[0][4..8], [0.0; 4]);
        assert_eq!([&grads[0][..4], &grads[0][8..]].concat(), to_query);
        for (found, expected) in grads[1..].iter().flatten().zip(to_key.iter().chain(&to_value)) {
            assert!((found - expected).abs() < 1e-6, "{isa}: {found} for {expected}");
        }
    }
}

#[test]
fn what_is_not_a_number_is_not_hidden() {
    let mut x = values(3 * 4, 1);
    x[5] = f32::NAN;
    let view = Heads::new(&x, [1, 1, 3, 4], [12, 4, 4]);
    for isa in Isa::available() {
        let mut out = [0.0; 12];
        let mut grads = [[0.0; 12]; 3];
        with_isa(isa, || {
            attention(view, view, view, None, 0.5, &mut out);
            let [q, k, v] = &mut grads;
            attention_backward(view, view, view, None, 0.5, view, [q, k, v]);
        })
        .unwrap();
        assert!(out.iter().all(|x| x.is_nan()), "{isa}: {out:?}");
        assert!(grads.iter().flatten().all(|x| x.is_nan()), "{isa}: {grads:?}");
    }
}

/// A value that is infinite is in the outputs of those that see it, one that nobody sees in none.
#[test]
fn values_that_are_not_finite_count_where_they_are_seen() {
    let x = values(3 * 4, 1);
    let mut value = values(3 * 4, 2);
    value[9] = f32::INFINITY;
    let (view, seen) =
        (Heads::new(&x, [1, 1, 3, 4], [12, 4, 4]), Heads::new(&value, [1, 1, 3, 4], [12, 4, 4]));
    for isa in Isa::available() {
        let mut out = [0.0; 12];
        with_isa(isa, || attention(view, view, seen, None, 0.5, &mut out)).unwrap();
        for (at, x) in out.iter().enumerate() {
            assert_eq!(*x == f32::INFINITY, at % 4 == 1, "{isa}, {at}: {x}");
        }
    }
}

#[test]
fn threads_change_nothing() {
    let sizes = case(2, 3, 70, 45, 16, 24);
    let [q, k, v, g] = sizes.factors();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut out = [vec![0.0; g.len()], vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
            let [o, to_q, to_k, to_v] = &mut out;
            let q = sizes.view(&q, 70, 16);
            let (k, v) = (sizes.view(&k, 45, 16), sizes.view(&v, 45, 24));
            attention(q, k, v, None, sizes.scale(), o);
            attention_backward(q, k, v, None, sizes.scale(), sizes.view(&g, 70, 24), [to_q, to_k, to_v]);
            out
        })
    };
    let one = run(1);
    assert_eq!(run(2), one);
    assert_eq!(run(5), one);
}

#[test]
fn without_keys_there_is_nothing() {
    for heads in [1, 3] {
        let (query, none) = (values(2 * heads * 5 * 40, 1), []);
        let query = Heads::new(&query, [2, heads, 5, 40], [heads * 200, 40, heads * 40]);
        let key = Heads::new(&none, [2, heads, 0, 40], [0, 40, heads * 40]);
        let mut out = vec![f32::NAN; 2 * heads * 5 * 40];
        attention(query, key, key, None, 0.5, &mut out);
        assert!(out.iter().all(|&x| x == 0.0));
        let mut to_query = vec![f32::NAN; out.len()];
        attention_backward(query, key, key, None, 0.5, query, [&mut to_query, &mut [], &mut []]);
        assert!(to_query.iter().all(|&x| x == 0.0));
    }
}

#[test]
#[should_panic(expected = "the mask of queries")]
fn a_mask_of_other_keys_is_refused() {
    let x = values(3 * 4, 1);
    let view = Heads::new(&x, [1, 1, 3, 4], [12, 4, 4]);
    let mask = Mask::new(&[0; 12], [1, 1, 3, 4], [0, 0, 4, 1]);
    attention(view, view, view, Some(mask), 0.5, &mut [0.0; 12]);
}

#[test]
#[should_panic(expected = "a scale of")]
fn a_scale_that_turns_scores_round_is_refused() {
    let x = values(3 * 4, 1);
    let view = Heads::new(&x, [1, 1, 3, 4], [12, 4, 4]);
    attention(view, view, view, None, -0.5, &mut [0.0; 12]);
}

#[test]
fn large_scores_do_not_overflow() {
    let x = vec![300.0; 2 * 4];
    let view = Heads::new(&x, [1, 1, 2, 4], [8, 4, 4]);
    let mut out = [0.0; 8];
    attention(view, view, view, None, 1.0, &mut out);
    assert_eq!(out, [300.0; 8]);
}
