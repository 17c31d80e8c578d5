//! Attention, a few queries at a time.
#![allow(unsafe_code)]

use super::columns::{DivideColumns, SoftmaxColumns};
use super::heads::{Heads, Mask};
use crate::gemm::raw::{KernelSet, RawMatrix, Rows, Tile, pack, with_scratch};
use crate::simd::{Isa, run};
use crate::sizes::product;
use crate::threads::for_each;

/// `softmax(scale * q kᵀ) v` for every head of every batch element ("Attention Is All You Need", section 3.2.1).
///
/// The matrix of scores is never stored, only the scores of a few queries. Queries lie in the lanes of registers, so that
/// nothing is summed across lanes.
///
/// # Shapes
/// - `query`: `[batch, heads, queries, width]`; `key` and `value`: `[batch, heads, keys, width]`, the width of the values may differ
/// - `output`: `[batch, queries, heads, width of the values]`, in order
///
/// A query that sees no key gives 0 (PyTorch: NaN), and has no part in any gradient.
///
/// # Panics
/// When the shapes do not fit each other, or the scale is not positive.
pub fn attention(
    query: Heads<'_>,
    key: Heads<'_>,
    value: Heads<'_>,
    mask: Option<Mask<'_>>,
    scale: f32,
    output: &mut [f32],
) {
    let problem = Problem::new(query, key, value, mask, scale);
    let [batch, heads, queries, _] = query.shape();
    let width = value.shape()[3];
    assert_eq!(output.len(), product(&[batch, queries, heads, width]), "values of the output");
    if output.is_empty() || key.shape()[2] == 0 {
        return output.fill(0.0);
    }
    let output = SharedOutput(output.as_mut_ptr());
    let isa = Isa::current();
    let tasks = problem.tasks();
    let each = |task: &Task| {
        // SAFETY: each task writes the rows of its own queries and head.
        unsafe { forward_task(&problem, isa, task, output.at(task, queries, heads, width), heads * width) };
    };
    for_each(tasks.len(), |index| each(&tasks[index]));
}

/// The factors of all heads.
pub(super) struct Problem<'a> {
    pub(super) query: Heads<'a>,
    pub(super) key: Heads<'a>,
    pub(super) value: Heads<'a>,
    pub(super) mask: Option<Mask<'a>>,
    pub(super) scale: f32,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        query: Heads<'a>,
        key: Heads<'a>,
        value: Heads<'a>,
        mask: Option<Mask<'a>>,
        scale: f32,
    ) -> Self {
        let ([batch, heads, queries, width], keys) = (query.shape(), key.shape()[2]);
        assert_eq!(key.shape(), [batch, heads, keys, width], "the keys for queries {:?}", query.shape());
        let values = value.shape();
        assert_eq!(values[..3], [batch, heads, keys], "the values for keys {:?}", key.shape());
        if let Some(mask) = &mask {
            assert_eq!(
                mask.shape(),
                [batch, heads, queries, keys],
                "the mask of queries {:?}",
                query.shape()
            );
        }
        assert!(scale > 0.0, "a scale of {scale}");
        Self { query, key, value, mask, scale }
    }

    /// One task for each head, or several where there are fewer heads than threads.
    fn tasks(&self) -> Vec<Task> {
        let [batch, heads, queries, _] = self.query.shape();
        let parts = (2 * rayon::current_num_threads()).div_ceil(batch * heads).clamp(1, queries.div_ceil(32));
        let length = queries.div_ceil(parts).next_multiple_of(32);
        let mut tasks = Vec::new();
        for batch in 0..batch {
            for head in 0..heads {
                for first in (0..queries).step_by(length) {
                    tasks.push(Task { batch, head, first, queries: length.min(queries - first) });
                }
            }
        }
        tasks
    }
}

/// Some queries of a head.
pub(super) struct Task {
    pub(super) batch: usize,
    pub(super) head: usize,
    pub(super) first: usize,
    pub(super) queries: usize,
}

#[derive(Clone, Copy)]
struct SharedOutput(*mut f32);

// SAFETY: every task writes elsewhere.
unsafe impl Sync for SharedOutput {}

impl SharedOutput {
    unsafe fn at(&self, task: &Task, queries: usize, heads: usize, width: usize) -> *mut f32 {
        // SAFETY: the task lies in the output.
        unsafe { self.0.add(((task.batch * queries + task.first) * heads + task.head) * width) }
    }
}

/// # Safety
/// `output` has a row of the width of the values every `step` values, for each query of the task.
unsafe fn forward_task(problem: &Problem<'_>, isa: Isa, task: &Task, output: *mut f32, step: usize) {
    let kernels = KernelSet::of(isa);
    let lanes = kernels.columns;
    let ([_, _, keys, width], values) = (problem.key.shape(), problem.value.shape()[3]);
    let query = problem.query.head(task.batch, task.head);
    let key = problem.key.head(task.batch, task.head);
    let value = problem.value.head(task.batch, task.head);
    let sizes = [keys * width, width * lanes, keys * lanes, values * lanes, lanes];
    with_scratch(sizes, |[packed_keys, packed_query, scores, result, sums]| {
        let (scores, result) = (&mut scores[..keys * lanes], &mut result[..values * lanes]);
        let keys_matrix =
            RawMatrix { data: key.as_ptr(), row_stride: problem.key.token_stride(), column_stride: 1 };
        // SAFETY: the views were checked; the buffers are as large as the blocks.
        unsafe { pack::left(kernels, keys_matrix, (0, 0), [keys, width], packed_keys.as_mut_ptr()) };
        for first in (0..task.queries).step_by(lanes) {
            let queries = lanes.min(task.queries - first);
            let stride = problem.query.token_stride();
            let query = query[(task.first + first) * stride..].as_ptr();
            let query = RawMatrix { data: query, row_stride: 1, column_stride: stride };
            // SAFETY: as above; the result goes to the rows of these queries.
            unsafe {
                pack::right(kernels, query, (0, 0), [width, queries], packed_query.as_mut_ptr());
                packed_product(kernels, packed_keys, keys, packed_query, width, scores);
                if let Some(mask) = problem.mask {
                    mask.hide([task.batch, task.head, task.first + first], scores, lanes, queries);
                }
                run(isa, SoftmaxColumns { scores, width: lanes, scale: problem.scale, sums });
                plain_product(kernels, value, problem.value.token_stride(), values, scores, keys, result);
                run(isa, DivideColumns { values: result, width: lanes, sums });
                (kernels.transpose)(result.as_ptr(), lanes, output.add(first * step), step, values, queries);
            }
        }
    });
}

/// `to = a b` for `a` of `rows x depth`, packed in panels, and `b` of `depth x lanes`.
///
/// # Safety
/// The buffers are as large.
pub(super) unsafe fn packed_product(
    kernels: &KernelSet,
    a: &[f32],
    rows: usize,
    b: &[f32],
    depth: usize,
    to: &mut [f32],
) {
    let lanes = kernels.columns;
    for first in (0..rows).step_by(kernels.rows()) {
        let height = kernels.rows().min(rows - first);
        let a = a[first * depth..].as_ptr();
        // SAFETY: the caller vouches for it.
        unsafe {
            kernels.multiply(
                height,
                &Tile::new(
                    depth,
                    (a, kernels.packed_rows(height, depth)),
                    b.as_ptr(),
                    (to[first * lanes..].as_mut_ptr(), lanes),
                    lanes,
                ),
            )
        };
    }
}

/// `to = aᵀ b` for `a` of `depth x rows` with rows `step` apart, not packed, and `b` of `depth x lanes`.
///
/// # Safety
/// The buffers are as large.
pub(super) unsafe fn plain_product(
    kernels: &KernelSet,
    a: &[f32],
    step: usize,
    rows: usize,
    b: &[f32],
    depth: usize,
    to: &mut [f32],
) {
    let lanes = kernels.columns;
    for first in (0..rows).step_by(kernels.rows()) {
        let height = kernels.rows().min(rows - first);
        let a = a[first..].as_ptr();
        // SAFETY: the caller vouches for it.
        unsafe {
            kernels.multiply(
                height,
                &Tile::new(
                    depth,
                    (a, Rows::Beside { step }),
                    b.as_ptr(),
                    (to[first * lanes..].as_mut_ptr(), lanes),
                    lanes,
                ),
            )
        };
    }
}
