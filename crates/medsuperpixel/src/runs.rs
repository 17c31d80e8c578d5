//! Labels as runs: the pixels of one label that follow each other in a row.
//!
//! There are many fewer runs than pixels, so what is connected to what is found among runs.

use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::{LANES, Lanes};
use crate::simd::Vectors;

/// Rows that one task turns into runs.
const ROWS_PER_TASK: usize = 32;

/// A run; it ends where the next of its row begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u32,
    pub(crate) label: u32,
}

/// All runs of an image, row after row, slice after slice.
pub(crate) struct Runs {
    /// Slices, rows, columns.
    pub(crate) size: [usize; 3],
    pub(crate) runs: Vec<Run>,
    /// Where each row's runs begin, and the end of all.
    offsets: Vec<usize>,
}

impl Runs {
    /// Of labels `[row, column]` with rows of `stride`.
    pub(crate) fn new(labels: &[u32], size: [usize; 3], stride: usize, vectors: Vectors) -> Self {
        let columns = size[2];
        let parts: Vec<(Vec<Run>, Vec<usize>)> = labels
            .par_chunks(ROWS_PER_TASK * stride)
            .map(|rows| {
                let (mut runs, mut ends) =
                    (Vec::with_capacity(rows.len() / 4), Vec::with_capacity(ROWS_PER_TASK));
                for row in rows.chunks(stride) {
                    vectors.row_runs(&row[..columns], &mut runs);
                    ends.push(runs.len());
                }
                (runs, ends)
            })
            .collect();
        let mut all = Self { size, runs: Vec::new(), offsets: vec![0] };
        all.runs.reserve_exact(parts.iter().map(|(runs, _)| runs.len()).sum());
        for (runs, ends) in parts {
            let before = all.runs.len();
            all.runs.extend(runs);
            all.offsets.extend(ends.iter().map(|end| before + end));
        }
        all
    }

    pub(crate) fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The indices of a row's runs.
    pub(crate) fn row(&self, row: usize) -> Range<usize> {
        self.offsets[row]..self.offsets[row + 1]
    }

    /// The columns of a run of this row.
    pub(crate) fn columns(&self, row: usize, run: usize) -> Range<usize> {
        let start = self.runs[run].start as usize;
        let next = run + 1;
        start..if next < self.offsets[row + 1] { self.runs[next].start as usize } else { self.size[2] }
    }

    /// Cuts each run into pieces of at most `longest(run)` pixels. Returns the first piece of each.
    pub(crate) fn split(&mut self, longest: impl Fn(usize) -> usize) -> Vec<u32> {
        let whole = std::mem::take(&mut self.runs);
        let mut firsts = Vec::with_capacity(whole.len());
        let mut begin = 0;
        for row in 0..self.rows() {
            let end = self.offsets[row + 1];
            for run in begin..end {
                firsts.push(self.runs.len() as u32);
                let Run { start, label } = whole[run];
                let next = if run + 1 < end { whole[run + 1].start } else { self.size[2] as u32 };
                let pieces = (start..next).step_by(longest(run));
                self.runs.extend(pieces.map(|start| Run { start, label }));
            }
            begin = end;
            self.offsets[row + 1] = self.runs.len();
        }
        firsts
    }

    /// The rows before a row that touch it: the row above, and the same row of the slice before.
    pub(crate) fn rows_before(&self, row: usize) -> impl Iterator<Item = usize> + use<> {
        let per_slice = self.size[1];
        let above = (!row.is_multiple_of(per_slice)).then(|| row - 1);
        above.into_iter().chain(row.checked_sub(per_slice))
    }

    /// Calls `touch(a, b, pixels)` for each run `a` of one row and `b` of another that share columns.
    #[inline(always)]
    pub(crate) fn touching(&self, first: usize, second: usize, mut touch: impl FnMut(usize, usize, usize)) {
        let (mut a, mut b) = (self.offsets[first], self.offsets[second]);
        let (a_end, b_end) = (self.offsets[first + 1], self.offsets[second + 1]);
        let end = |next: usize, row_end: usize| {
            if next < row_end { self.runs[next].start } else { self.size[2] as u32 }
        };
        let mut from = 0;
        while a < a_end && b < b_end {
            let (to_a, to_b) = (end(a + 1, a_end), end(b + 1, b_end));
            let to = to_a.min(to_b);
            touch(a, b, (to - from) as usize);
            from = to;
            a += usize::from(to_a == to);
            b += usize::from(to_b == to);
        }
    }
}

/// Appends the runs of a row.
#[inline(always)]
pub(crate) fn row_runs<V: Lanes>(row: &[u32], runs: &mut Vec<Run>) {
    let Some(&first) = row.first() else { return };
    runs.push(Run { start: 0, label: first });
    let mut x = 1;
    while x + LANES <= row.len() {
        let mut borders =
            !V::load_bits(&row[x..]).equal(V::load_bits(&row[x - 1..])) & (u32::MAX >> (32 - LANES));
        while borders != 0 {
            let start = x + borders.trailing_zeros() as usize;
            runs.push(Run { start: start as u32, label: row[start] });
            borders &= borders - 1;
        }
        x += LANES;
    }
    for x in x..row.len() {
        if row[x] != row[x - 1] {
            runs.push(Run { start: x as u32, label: row[x] });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_what_they_touch() {
        let labels = [1, 1, 2, 2, 2, 1, /* */ 1, 3, 3, 2, 1, 1];
        let runs = Runs::new(&labels, [1, 2, 6], 6, Vectors::widest());
        let found: Vec<(u32, u32)> = runs.runs.iter().map(|r| (r.start, r.label)).collect();
        assert_eq!(found, [(0, 1), (2, 2), (5, 1), (0, 1), (1, 3), (3, 2), (4, 1)]);
        assert_eq!(runs.columns(1, 6), 4..6);
        let mut touching = Vec::new();
        runs.touching(1, 0, |a, b, n| touching.push((a, b, n)));
        assert_eq!(touching, [(3, 0, 1), (4, 0, 1), (4, 1, 1), (5, 1, 1), (6, 1, 1), (6, 2, 1)]);
    }

    #[test]
    fn long_runs_are_split() {
        let labels = [1, 1, 2, 2, 2, 2, /* */ 1, 1, 1, 1, 1, 1];
        let mut runs = Runs::new(&labels, [1, 2, 6], 6, Vectors::widest());
        assert_eq!(runs.split(|run| if run == 0 { 9 } else { 3 }), [0, 1, 3]);
        let found: Vec<(u32, u32)> = runs.runs.iter().map(|r| (r.start, r.label)).collect();
        assert_eq!(found, [(0, 1), (2, 2), (5, 2), (0, 1), (3, 1)]);
        assert_eq!((runs.row(0), runs.row(1)), (0..3, 3..5));
        assert_eq!((runs.columns(0, 2), runs.columns(1, 3)), (5..6, 0..3));
    }
}
