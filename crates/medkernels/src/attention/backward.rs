//! Gradients of attention.
#![allow(unsafe_code)]

use super::columns::{DivideColumns, ScoreGradient, SoftmaxColumns};
use super::forward::{Problem, packed_product, plain_product};
use super::heads::{Heads, Mask};
use crate::gemm::raw::{KernelSet, RawMatrix, Tile, pack, with_scratch};
use crate::simd::{Isa, run};
use crate::sizes::product;
use crate::threads::for_each;

/// The gradients of [`attention`](super::attention) with respect to queries, keys and values.
///
/// Probabilities are computed again, a few queries at a time, so that nothing but the inputs needs to be kept.
///
/// # Shapes
/// - `gradient`: `[batch, heads, queries, width of the values]`, that of the output
/// - `to_query`: `[batch, queries, heads, width]`, `to_key`: `[batch, keys, heads, width]`, `to_value`: `[batch, keys, heads, width of the
///   values]`, in order
///
/// # Panics
/// When the shapes do not fit each other, or the scale is not positive.
#[allow(clippy::too_many_arguments)] // the four inputs of the function and its three gradients
pub fn attention_backward(
    query: Heads<'_>,
    key: Heads<'_>,
    value: Heads<'_>,
    mask: Option<Mask<'_>>,
    scale: f32,
    gradient: Heads<'_>,
    [to_query, to_key, to_value]: [&mut [f32]; 3],
) {
    let problem = Problem::new(query, key, value, mask, scale);
    let ([batch, heads, queries, width], [_, _, keys, values]) = (query.shape(), value.shape());
    assert_eq!(gradient.shape(), [batch, heads, queries, values], "the gradient of the output");
    assert_eq!(
        to_query.len(),
        product(&[batch, queries, heads, width]),
        "values of the gradient of the queries"
    );
    assert_eq!(to_key.len(), product(&[batch, keys, heads, width]), "values of the gradient of the keys");
    assert_eq!(
        to_value.len(),
        product(&[batch, keys, heads, values]),
        "values of the gradient of the values"
    );
    to_key.fill(0.0);
    to_value.fill(0.0);
    if queries == 0 || keys == 0 {
        to_query.fill(0.0);
        return;
    }
    let outputs = Outputs([to_query.as_mut_ptr(), to_key.as_mut_ptr(), to_value.as_mut_ptr()]);
    let isa = Isa::current();
    let each = |index: usize| {
        let (b, h) = (index / heads, index % heads);
        // SAFETY: each head writes its own columns.
        let to = unsafe {
            outputs.at([
                (b * queries * heads + h) * width,
                (b * keys * heads + h) * width,
                (b * keys * heads + h) * values,
            ])
        };
        // SAFETY: these are the rows of this head.
        unsafe { backward_head(&problem, isa, gradient, [b, h], to) };
    };
    for_each(batch * heads, each);
}

struct Outputs([*mut f32; 3]);

// SAFETY: every head writes elsewhere.
unsafe impl Sync for Outputs {}

impl Outputs {
    unsafe fn at(&self, offsets: [usize; 3]) -> [*mut f32; 3] {
        // SAFETY: the head lies in the outputs.
        std::array::from_fn(|i| unsafe { self.0[i].add(offsets[i]) })
    }
}

/// # Safety
/// The outputs have the rows of this head.
unsafe fn backward_head(
    problem: &Problem<'_>,
    isa: Isa,
    gradient: Heads<'_>,
    [batch, head]: [usize; 2],
    [to_query, to_key, to_value]: [*mut f32; 3],
) {
    let kernels = KernelSet::of(isa);
    let lanes = kernels.columns;
    let ([_, heads, queries, width], [_, _, keys, values]) = (problem.query.shape(), problem.value.shape());
    let (query, key) = (problem.query.head(batch, head), problem.key.head(batch, head));
    let (value, gradient_head) = (problem.value.head(batch, head), gradient.head(batch, head));
    let wide = |n: usize| n.next_multiple_of(lanes);
    let sizes = [
        keys * width,
        keys * values,
        width.max(values) * lanes,
        keys * lanes,
        keys * lanes,
        lanes * keys,
        lanes * wide(width.max(values)),
        width * lanes,
        lanes,
    ];
    let matrix = |data: &[f32], row_stride, column_stride| RawMatrix {
        data: data.as_ptr(),
        row_stride,
        column_stride,
    };
    with_scratch(sizes, |[packed_keys, packed_values, block, p, dp, turned, right, dq, sums]| {
        let (p, dp, dq) = (&mut p[..keys * lanes], &mut dp[..keys * lanes], &mut dq[..width * lanes]);
        // SAFETY: the views were checked; the buffers are as large as the blocks.
        unsafe {
            let keys_matrix = matrix(key, problem.key.token_stride(), 1);
            pack::left(kernels, keys_matrix, (0, 0), [keys, width], packed_keys.as_mut_ptr());
            let values_matrix = matrix(value, problem.value.token_stride(), 1);
            pack::left(kernels, values_matrix, (0, 0), [keys, values], packed_values.as_mut_ptr());
        }
        for first in (0..queries).step_by(lanes) {
            let n = lanes.min(queries - first);
            let (q_step, g_step) = (problem.query.token_stride(), gradient.token_stride());
            let (query, gradient) = (&query[first * q_step..], &gradient_head[first * g_step..]);
            // SAFETY: as above; what is written belongs to this head.
            unsafe {
                // The probabilities of these queries.
                pack::right(kernels, matrix(query, 1, q_step), (0, 0), [width, n], block.as_mut_ptr());
                packed_product(kernels, packed_keys, keys, block, width, p);
                if let Some(mask) = problem.mask {
                    mask.hide([batch, head, first], p, lanes, n);
                }
                run(isa, SoftmaxColumns { scores: p, width: lanes, scale: problem.scale, sums });
                run(isa, DivideColumns { values: p, width: lanes, sums });
                // dV += Pᵀ dO
                pack::left(kernels, matrix(p, lanes, 1), (0, 0), [keys, n], turned.as_mut_ptr());
                pack::right(kernels, matrix(gradient, g_step, 1), (0, 0), [n, values], right.as_mut_ptr());
                add_product(kernels, turned, keys, right, n, values, (to_value, heads * values));
                // dP = dO Vᵀ, then dS
                pack::right(kernels, matrix(gradient, 1, g_step), (0, 0), [values, n], block.as_mut_ptr());
                packed_product(kernels, packed_values, keys, block, values, dp);
                run(
                    isa,
                    ScoreGradient { probabilities: p, gradients: dp, width: lanes, scale: problem.scale },
                );
                // dK += dSᵀ Q
                pack::left(kernels, matrix(dp, lanes, 1), (0, 0), [keys, n], turned.as_mut_ptr());
                pack::right(kernels, matrix(query, q_step, 1), (0, 0), [n, width], right.as_mut_ptr());
                add_product(kernels, turned, keys, right, n, width, (to_key, heads * width));
                // dQ = dS K
                plain_product(kernels, key, problem.key.token_stride(), width, dp, keys, dq);
                let step = heads * width;
                (kernels.transpose)(dq.as_ptr(), lanes, to_query.add(first * step), step, width, n);
            }
        }
    });
}

/// `to += a b` for packed `a` of `rows x depth` and packed `b` of `depth x columns`.
///
/// # Safety
/// The buffers are as large; `to.0` has `rows` rows `to.1` apart.
unsafe fn add_product(
    kernels: &KernelSet,
    a: &[f32],
    rows: usize,
    b: &[f32],
    depth: usize,
    columns: usize,
    to: (*mut f32, usize),
) {
    let lanes = kernels.columns;
    for top in (0..rows).step_by(kernels.rows()) {
        let height = kernels.rows().min(rows - top);
        for edge in (0..columns).step_by(lanes) {
            // SAFETY: the caller vouches for it.
            unsafe {
                let a = (a[top * depth..].as_ptr(), kernels.packed_rows(height, depth));
                let b = b[edge * depth..].as_ptr();
                let c = (to.0.add(top * to.1 + edge), to.1);
                let tile = Tile { accumulate: true, ..Tile::new(depth, a, b, c, lanes.min(columns - edge)) };
                kernels.multiply(height, &tile);
            }
        }
    }
}
