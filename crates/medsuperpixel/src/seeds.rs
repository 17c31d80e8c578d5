//! Seeds spread evenly over a mask.

use std::ops::Range;

use crate::side::side;

/// The pixels of a mask within a box, and how to go through them.
struct Within<'a> {
    mask: &'a [bool],
    size: [usize; 3],
}

/// Smallest box around the pixels of a mask `[slice, row, column]`: first pixel and extent; `None` where there is none.
pub(crate) fn bounds(mask: &[bool], size: [usize; 3]) -> Option<([usize; 3], [usize; 3])> {
    let (mut low, mut high) = (size, [0; 3]);
    for (r, row) in mask.chunks(size[2]).enumerate() {
        let ends = row.iter().position(|m| *m).zip(row.iter().rposition(|m| *m));
        if let Some((first, last)) = ends {
            let at = [r / size[1], r % size[1]];
            for (a, (from, to)) in [(at[0], at[0]), (at[1], at[1]), (first, last)].into_iter().enumerate() {
                low[a] = low[a].min(from);
                high[a] = high[a].max(to + 1);
            }
        }
    }
    (low[0] < high[0]).then(|| (low, [0, 1, 2].map(|a| high[a] - low[a])))
}

/// Exactly `count` places (slice, row, column), each the mean of an equal share of the mask.
///
/// The mask is cut into slabs along the slices, these into strips along the rows, and these along the columns, each getting seeds in
/// proportion to its pixels. maskSLIC (Irving 2016) begins with the farthest points of a distance transform instead; the
/// clustering by place that follows here, as there, brings both close to the same.
pub(crate) fn over_mask(mask: &[bool], size: [usize; 3], spacing: [f64; 3], count: usize) -> Vec<[f64; 3]> {
    let Some((start, extent)) = bounds(mask, size) else { return Vec::new() };
    let within = Within { mask, size };
    let total = mask.iter().filter(|m| **m).count();
    let lengths = [0, 1, 2].map(|a| if extent[a] == 1 { 1.0 } else { spacing[a] });
    let side = side(total as f64 / count as f64, extent, lengths);
    let parts =
        |axis: usize| ((extent[axis] as f64 * lengths[axis] / side).round() as usize).clamp(1, extent[axis]);
    let cut = |axis: usize| {
        let (n, first, len) = (parts(axis), start[axis], extent[axis]);
        (0..n).map(move |i| first + i * len / n..first + (i + 1) * len / n)
    };
    let mut seeds = Vec::with_capacity(count);
    // Pixels so far: those of a share of k / total times the count have k seeds, so that rounding never adds up.
    let mut seen = 0;
    for slices in cut(0) {
        for rows in cut(1) {
            let pixels = within.count(&slices, &rows);
            let seeds_before = seen * count / total;
            seen += pixels;
            let share = seen * count / total - seeds_before;
            within.along_columns(&slices, &rows, pixels, share, &mut seeds);
        }
    }
    seeds
}

impl Within<'_> {
    fn rows<'a>(
        &'a self,
        slices: &'a Range<usize>,
        rows: &'a Range<usize>,
    ) -> impl Iterator<Item = ([usize; 2], &'a [bool])> {
        slices.clone().flat_map(move |z| {
            rows.clone()
                .map(move |y| ([z, y], &self.mask[(z * self.size[1] + y) * self.size[2]..][..self.size[2]]))
        })
    }

    fn count(&self, slices: &Range<usize>, rows: &Range<usize>) -> usize {
        self.rows(slices, rows).map(|(_, row)| row.iter().filter(|m| **m).count()).sum()
    }

    /// Cuts a strip of `pixels` pixels along the columns into `share` equal parts, and adds their means.
    fn along_columns(
        &self,
        slices: &Range<usize>,
        rows: &Range<usize>,
        pixels: usize,
        share: usize,
        seeds: &mut Vec<[f64; 3]>,
    ) {
        if share == 0 {
            return;
        }
        let mut columns = vec![0usize; self.size[2]];
        for (_, row) in self.rows(slices, rows) {
            columns.iter_mut().zip(row).for_each(|(n, m)| *n += usize::from(*m));
        }
        // Pixels in columns to the left: what is next in a column is counted from there.
        let mut next = 0;
        for n in &mut columns {
            next += std::mem::replace(n, next);
        }
        let mut sums = vec![[0usize; 4]; share];
        for ([z, y], row) in self.rows(slices, rows) {
            for (x, _) in row.iter().enumerate().filter(|(_, m)| **m) {
                let part = &mut sums[columns[x] * share / pixels];
                columns[x] += 1;
                for (sum, v) in part.iter_mut().zip([1, z, y, x]) {
                    *sum += v;
                }
            }
        }
        seeds.extend(sums.iter().map(|s| [1, 2, 3].map(|a| s[a] as f64 / s[0] as f64)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_as_many_as_asked_for_and_evenly_spread() {
        // A disc of radius 20.
        let mask: Vec<bool> =
            (0..64 * 64).map(|i| (i / 64i32 - 30).pow(2) + (i % 64 - 33).pow(2) < 400).collect();
        for count in [1, 2, 7, 40, 300] {
            let seeds = over_mask(&mask, [1, 64, 64], [1.0; 3], count);
            assert_eq!(seeds.len(), count);
            assert!(seeds.iter().flatten().all(|v| v.is_finite()));
        }
        let seeds = over_mask(&mask, [1, 64, 64], [1.0; 3], 40);
        let side = (mask.iter().filter(|m| **m).count() as f64 / 40.0).sqrt();
        for (i, a) in seeds.iter().enumerate() {
            let nearest = seeds.iter().enumerate().filter(|(j, _)| *j != i);
            let nearest =
                nearest.map(|(_, b)| (a[1] - b[1]).hypot(a[2] - b[2])).fold(f64::INFINITY, f64::min);
            assert!(nearest > 0.4 * side && nearest < 1.6 * side, "{i}: {nearest} of {side}");
        }
    }

    #[test]
    fn one_pixel_is_one_seed() {
        let mut mask = vec![false; 60];
        mask[33] = true;
        assert_eq!(bounds(&mask, [3, 4, 5]), Some(([1, 2, 3], [1, 1, 1])));
        assert_eq!(over_mask(&mask, [3, 4, 5], [1.0; 3], 1), [[1.0, 2.0, 3.0]]);
        assert_eq!(bounds(&[false; 4], [1, 2, 2]), None);
    }
}
