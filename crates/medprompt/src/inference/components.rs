//! Connected components of labels.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ndarray::{ArrayView1, ArrayView3, ArrayViewMut3};

/// A connected part of one label: voxels (or pixels) that share a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// Its label, never 0.
    pub label: u16,
    /// How many voxels it has.
    pub voxels: usize,
    /// The least slice, row and column.
    pub start: [usize; 3],
    /// One past the last slice, row and column.
    pub end: [usize; 3],
}

/// The connected parts of labels `[slice, row, column]`, 0 being the background, in the order of their first voxels. An image is one
/// slice.
///
/// ```
/// use medprompt::inference::components;
/// use ndarray::{Array3, s};
/// let mut labels = Array3::<u16>::zeros((1, 8, 8));
/// labels.slice_mut(s![0, 1..3, 1..4]).fill(1);
/// labels.slice_mut(s![0, 5..8, 5..8]).fill(1);
/// let areas: Vec<usize> = components(labels.view()).iter().map(|part| part.voxels).collect();
/// assert_eq!(areas, [6, 9]);
/// ```
pub fn components(labels: ArrayView3<'_, u16>) -> Vec<Component> {
    Runs::of(labels).parts().1
}

/// Sets to 0 all connected parts (voxels of one label that share a side) with fewer than `min_voxels` voxels, and, with
/// `largest_only`, all but the largest part of each label; of parts of one size the first one stays.
///
/// Needs memory for the runs of equal labels along columns, not for the voxels.
pub fn keep_components(mut labels: ArrayViewMut3<'_, u16>, min_voxels: usize, largest_only: bool) {
    let mut runs = Runs::of(labels.view());
    let (part_of, parts) = runs.parts();
    let mut largest = BTreeMap::new();
    for part in &parts {
        let most = largest.entry(part.label).or_insert(0);
        *most = part.voxels.max(*most);
    }
    let mut taken = BTreeSet::new();
    let keep: Vec<bool> = parts
        .iter()
        .map(|part| {
            let first =
                !largest_only || (largest.get(&part.label) == Some(&part.voxels) && taken.insert(part.label));
            first && part.voxels >= min_voxels
        })
        .collect();
    for (line, mut values) in labels.rows_mut().into_iter().enumerate() {
        for index in runs.lines[line]..runs.lines[line + 1] {
            if !keep[part_of[index]] {
                let Range { start, end } = runs.runs[index].columns.clone();
                values.slice_mut(ndarray::s![start..end]).fill(0);
            }
        }
    }
}

/// Neighbouring columns of one label.
struct Run {
    label: u16,
    columns: Range<usize>,
}

/// Runs of all lines, in order, joined to parts by union-find.
struct Runs {
    size: [usize; 3],
    runs: Vec<Run>,
    /// The first run of each line, and one past the last run.
    lines: Vec<usize>,
    /// A run of the same part that comes no later; the first run of a part is its own.
    parents: Vec<usize>,
}

impl Runs {
    fn of(labels: ArrayView3<'_, u16>) -> Self {
        let (slices, rows, columns) = labels.dim();
        let mut found =
            Self { size: [slices, rows, columns], runs: Vec::new(), lines: vec![0], parents: Vec::new() };
        for (line, values) in labels.rows().into_iter().enumerate() {
            found.push_line(values);
            if line % rows.max(1) > 0 {
                found.join(line - 1, line);
            }
            if line >= rows {
                found.join(line - rows, line);
            }
        }
        found
    }

    fn push_line(&mut self, values: ArrayView1<'_, u16>) {
        let first = self.runs.len();
        for (column, &label) in values.iter().enumerate() {
            if label == 0 {
                continue;
            }
            match self.runs[first..].last_mut() {
                Some(run) if run.label == label && run.columns.end == column => run.columns.end += 1,
                _ => self.runs.push(Run { label, columns: column..column + 1 }),
            }
        }
        self.parents.extend(first..self.runs.len());
        self.lines.push(self.runs.len());
    }

    /// Joins the runs of two lines that lie beside each other.
    fn join(&mut self, before: usize, line: usize) {
        let (mut i, end_i) = (self.lines[before], self.lines[before + 1]);
        let (mut j, end_j) = (self.lines[line], self.lines[line + 1]);
        while i < end_i && j < end_j {
            let (a, b) = (&self.runs[i], &self.runs[j]);
            let meet = a.columns.start < b.columns.end && b.columns.start < a.columns.end;
            let a_ends_first = a.columns.end <= b.columns.end;
            if meet && a.label == b.label {
                let (a, b) = (self.root(i), self.root(j));
                self.parents[a.max(b)] = a.min(b);
            }
            if a_ends_first {
                i += 1;
            } else {
                j += 1;
            }
        }
    }

    fn root(&mut self, mut run: usize) -> usize {
        while self.parents[run] != run {
            self.parents[run] = self.parents[self.parents[run]];
            run = self.parents[run];
        }
        run
    }

    /// The part of each run, and the parts.
    fn parts(&mut self) -> (Vec<usize>, Vec<Component>) {
        let [_, rows, _] = self.size;
        let mut part_of = vec![0; self.runs.len()];
        let mut parts: Vec<Component> = Vec::new();
        for line in 0..self.lines.len() - 1 {
            let [slice, row] = [line / rows, line % rows];
            for index in self.lines[line]..self.lines[line + 1] {
                let root = self.root(index);
                let Run { label, columns } = &self.runs[index];
                if root == index {
                    part_of[index] = parts.len();
                    let (start, end) = ([slice, row, columns.start], [slice, row, columns.start]);
                    parts.push(Component { label: *label, voxels: 0, start, end });
                } else {
                    part_of[index] = part_of[root];
                }
                let part = &mut parts[part_of[index]];
                part.voxels += columns.len();
                for (axis, (low, high)) in
                    [(slice, slice + 1), (row, row + 1), (columns.start, columns.end)].into_iter().enumerate()
                {
                    part.start[axis] = part.start[axis].min(low);
                    part.end[axis] = part.end[axis].max(high);
                }
            }
        }
        (part_of, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    #[test]
    fn small_parts_go_and_the_largest_stays() {
        let labels = array![[[1u16, 1, 0, 2], [0, 0, 0, 2]], [[1, 0, 1, 0], [0, 0, 1, 0]]];
        let mut small = labels.clone();
        keep_components(small.view_mut(), 3, false);
        assert_eq!(small, array![[[1u16, 1, 0, 0], [0, 0, 0, 0]], [[1, 0, 0, 0], [0, 0, 0, 0]]]);
        let mut largest = labels.clone();
        keep_components(largest.view_mut(), 0, true);
        assert_eq!(largest, array![[[1u16, 1, 0, 2], [0, 0, 0, 2]], [[1, 0, 0, 0], [0, 0, 0, 0]]]);
        let mut same = labels.clone();
        keep_components(same.view_mut(), 0, false);
        assert_eq!(same, labels);
        let mut equal = array![[[1u16, 0, 1]]];
        keep_components(equal.view_mut(), 0, true);
        assert_eq!(equal, array![[[1u16, 0, 0]]]);
    }

    #[test]
    fn parts_have_sizes_and_bounds() {
        // A U that only its lowest row joins, and another label inside of it.
        let labels = array![[[1u16, 0, 1, 0], [1, 2, 1, 0], [1, 1, 1, 0]]];
        let found = components(labels.view());
        let u = Component { label: 1, voxels: 7, start: [0, 0, 0], end: [1, 3, 3] };
        assert_eq!(found, [u, Component { label: 2, voxels: 1, start: [0, 1, 1], end: [1, 2, 2] }]);
        assert!(components(Array3::zeros((0, 3, 3)).view()).is_empty());
        assert!(components(Array3::zeros((2, 0, 3)).view()).is_empty());
        assert!(components(Array3::zeros((2, 3, 0)).view()).is_empty());
    }

    /// Parts by flooding, voxel by voxel.
    fn flooded(labels: &Array3<u16>) -> Vec<usize> {
        let (slices, rows, columns) = labels.dim();
        let mut seen = Array3::from_elem(labels.dim(), false);
        let mut sizes = Vec::new();
        for (start, &label) in labels.indexed_iter() {
            let mut open = vec![start];
            let mut size = 0;
            while let Some(at @ (z, y, x)) = open.pop() {
                if label == 0 || labels[at] != label || std::mem::replace(&mut seen[at], true) {
                    continue;
                }
                size += 1;
                let inside = |z: usize, y: usize, x: usize| z < slices && y < rows && x < columns;
                let near = [
                    (z + 1, y, x),
                    (z, y + 1, x),
                    (z, y, x + 1),
                    (z.wrapping_sub(1), y, x),
                    (z, y.wrapping_sub(1), x),
                    (z, y, x.wrapping_sub(1)),
                ];
                open.extend(near.into_iter().filter(|&(z, y, x)| inside(z, y, x)));
            }
            if size > 0 {
                sizes.push(size);
            }
        }
        sizes
    }

    #[test]
    fn runs_find_what_flooding_finds() {
        for seed in 0..20u64 {
            let mut random = crate::training::Random::new(7, seed);
            let labels = Array3::from_shape_fn((4, 9, 11), |_| random.below(3) as u16);
            let found: Vec<usize> = components(labels.view()).iter().map(|part| part.voxels).collect();
            assert_eq!(found, flooded(&labels), "{seed}");
            // Any order of the axes in memory.
            let turned = labels.view().reversed_axes();
            let mut sizes: Vec<usize> = components(turned).iter().map(|part| part.voxels).collect();
            let mut expected = found.clone();
            sizes.sort_unstable();
            expected.sort_unstable();
            assert_eq!(sizes, expected);
        }
    }
}
