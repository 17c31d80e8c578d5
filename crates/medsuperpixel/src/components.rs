//! Connected components of labels: pixels that share a side (4 neighbours in 2D, 6 in 3D).

use rayon::prelude::*;

use crate::assign::OUTSIDE;
use crate::runs::Runs;

/// The representative of no component: pixels outside of the mask.
pub(crate) const NONE: u32 = u32::MAX;

/// Sets of items, each represented by its smallest.
pub(crate) struct Sets<'a>(pub(crate) &'a mut [u32]);

impl Sets<'_> {
    pub(crate) fn find(&mut self, item: u32) -> u32 {
        let mut item = item;
        while self.0[item as usize] != item {
            let parent = self.0[item as usize];
            self.0[item as usize] = self.0[parent as usize];
            item = parent;
        }
        item
    }

    /// The representative of both.
    pub(crate) fn union(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        self.0[high as usize] = low;
        low
    }
}

/// The component of each run: the index of its first run; [`NONE`] outside of the mask.
pub(crate) fn components(runs: &Runs) -> Vec<u32> {
    let rows = runs.rows();
    let bands = rayon::current_num_threads().min(rows);
    let bounds: Vec<usize> = (0..=bands).map(|b| b * rows / bands).collect();
    let mut parents = vec![0u32; runs.runs.len()];
    // Within bands of rows, all bands at once; what lies before a band is not seen from there.
    let mut rest = parents.as_mut_slice();
    let mut work = Vec::with_capacity(bands);
    for band in bounds.windows(2) {
        let (from, to) = (runs.row(band[0]).start, runs.row(band[1] - 1).end);
        let (mine, after) = rest.split_at_mut(to - from);
        rest = after;
        work.push((band[0]..band[1], from as u32, mine));
    }
    work.into_par_iter().with_max_len(1).for_each(|(band, from, parents)| {
        parents.iter_mut().zip(0..).for_each(|(parent, i)| *parent = i);
        let mut sets = Sets(parents);
        for row in band.clone() {
            for before in runs.rows_before(row).filter(|r| *r >= band.start) {
                join(runs, row, before, |a, b| {
                    sets.union(a - from, b - from);
                });
            }
        }
        parents.iter_mut().for_each(|parent| *parent += from);
    });
    // Across the borders of bands.
    let mut sets = Sets(&mut parents);
    for band in bounds.windows(2) {
        for row in band[0]..band[1].min(band[0] + runs.size[1]) {
            for before in runs.rows_before(row).filter(|r| *r < band[0]) {
                join(runs, row, before, |a, b| {
                    sets.union(a, b);
                });
            }
        }
    }
    // Representatives come before what they represent, so one pass is enough.
    for i in 0..parents.len() {
        parents[i] = if runs.runs[i].label == OUTSIDE { NONE } else { parents[parents[i] as usize] };
    }
    parents
}

#[inline(always)]
fn join(runs: &Runs, row: usize, before: usize, mut union: impl FnMut(u32, u32)) {
    runs.touching(row, before, |a, b, _| {
        let label = runs.runs[a].label;
        if label == runs.runs[b].label && label != OUTSIDE {
            union(a as u32, b as u32);
        }
    });
}

/// Pixels of each component, at the index of its first run.
pub(crate) fn sizes(runs: &Runs, components: &[u32]) -> Vec<u32> {
    let mut sizes = vec![0u32; components.len()];
    for row in 0..runs.rows() {
        for run in runs.row(row) {
            if components[run] != NONE {
                sizes[components[run] as usize] += runs.columns(row, run).len() as u32;
            }
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Vectors;

    fn of(labels: &[u32], size: [usize; 3]) -> Vec<u32> {
        let runs = Runs::new(labels, size, size[2], Vectors::widest());
        let components = components(&runs);
        let mut found = Vec::new();
        for row in 0..runs.rows() {
            for run in runs.row(row) {
                found.extend(runs.columns(row, run).map(|_| components[run]));
            }
        }
        found
    }

    #[test]
    fn corners_do_not_connect_slices_do() {
        assert_eq!(of(&[1, 2, 2, 1], [1, 2, 2]), [0, 1, 2, 3]);
        // A "U" is one component although its arms begin apart.
        assert_eq!(of(&[1, 2, 1, 1, 2, 1, 1, 1, 1], [1, 3, 3]), [0, 1, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(of(&[1, 2, 1, 1], [2, 1, 2]), [0, 1, 0, 0]);
        assert_eq!(of(&[OUTSIDE, 2, OUTSIDE, 2], [1, 2, 2]), [NONE, 1, NONE, 1]);
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let mut state = 1u32;
        let labels: Vec<u32> = (0..6 * 40 * 30)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state >> 31
            })
            .collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| of(&labels, [6, 40, 30]))
        };
        let one = with(1);
        assert_eq!(one, with(3));
        assert_eq!(one, with(16));
        assert_eq!(one, with(300));
    }
}
