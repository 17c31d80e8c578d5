//! A regular grid of boxes over the pixels.

use std::ops::Range;

/// Boxes of nearly equal size that cover a part of the pixels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cells {
    /// First pixel, in array order.
    pub(crate) start: [usize; 3],
    /// Pixels along each axis.
    pub(crate) extent: [usize; 3],
    /// Boxes along each axis.
    pub(crate) counts: [usize; 3],
}

impl Cells {
    /// About `count` boxes whose sides are as equal in mm as whole numbers of boxes allow.
    pub(crate) fn new(start: [usize; 3], extent: [usize; 3], spacing: [f64; 3], count: usize) -> Self {
        Self { start, extent, counts: counts(extent, spacing, count) }
    }

    pub(crate) fn len(&self) -> usize {
        self.counts.iter().product()
    }

    /// The number of a box.
    pub(crate) fn id(&self, [z, y, x]: [usize; 3]) -> usize {
        (z * self.counts[1] + y) * self.counts[2] + x
    }

    /// The pixels of box `i` along an axis.
    pub(crate) fn span(&self, axis: usize, i: usize) -> Range<usize> {
        let edge = |i: usize| self.start[axis] + i * self.extent[axis] / self.counts[axis];
        edge(i)..edge(i + 1)
    }

    /// The box along an axis that a pixel lies in, or the nearest.
    pub(crate) fn locate(&self, axis: usize, pixel: usize) -> usize {
        let inside = pixel.saturating_sub(self.start[axis]).min(self.extent[axis] - 1);
        // The largest i with i * extent / counts <= inside.
        ((inside + 1) * self.counts[axis] - 1) / self.extent[axis]
    }

    /// The boxes at most `reach` boxes away along each axis, the nearest first.
    pub(crate) fn ring(&self, at: [usize; 3], reach: usize) -> impl Iterator<Item = [usize; 3]> + '_ {
        let span =
            |axis: usize| at[axis].saturating_sub(reach)..(at[axis] + reach + 1).min(self.counts[axis]);
        let mut found: Vec<[usize; 3]> =
            span(0).flat_map(|z| span(1).flat_map(move |y| span(2).map(move |x| [z, y, x]))).collect();
        let distance = |b: &[usize; 3]| (0..3).map(|a| b[a].abs_diff(at[a]).pow(2)).sum::<usize>();
        found.sort_by_key(distance);
        found.into_iter()
    }
}

/// Boxes along each axis.
fn counts(extent: [usize; 3], spacing: [f64; 3], count: usize) -> [usize; 3] {
    let length = |axis: usize| extent[axis] as f64 * spacing[axis];
    let mut fixed: [Option<usize>; 3] = extent.map(|e| (e == 1).then_some(1));
    let side = loop {
        let free: Vec<usize> = (0..3).filter(|&a| fixed[a].is_none()).collect();
        let left = count as f64 / fixed.iter().flatten().product::<usize>() as f64;
        if free.is_empty() {
            break 1.0;
        }
        let side = (free.iter().map(|&a| length(a)).product::<f64>() / left).powf(1.0 / free.len() as f64);
        // Boxes are no thinner than a pixel and no longer than the image; the other axes make up for it.
        let thin = free.iter().find(|&&a| side < spacing[a]);
        let long = free.iter().find(|&&a| side > length(a));
        match (thin, long) {
            (Some(&a), _) => fixed[a] = Some(extent[a]),
            (None, Some(&a)) => fixed[a] = Some(1),
            (None, None) => break side,
        }
    };
    // Of the whole numbers around the quotients, those whose product is closest.
    let choices = |a: usize| match fixed[a] {
        Some(n) => [n, n],
        None => {
            let n = (length(a) / side).floor().max(1.0) as usize;
            [n.min(extent[a]), (n + 1).min(extent[a])]
        }
    };
    let mut best = [1; 3];
    let mut least = (usize::MAX, f64::INFINITY);
    for n in (0..8).map(|k| [choices(0)[k & 1], choices(1)[k >> 1 & 1], choices(2)[k >> 2 & 1]]) {
        let off = n.iter().product::<usize>().abs_diff(count);
        let stretch = |a: usize| (length(a) / n[a] as f64 / side).ln().abs();
        let rank = (off, (0..3).filter(|a| fixed[*a].is_none()).map(stretch).sum());
        if rank < least {
            (best, least) = (n, rank);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_square_in_mm() {
        assert_eq!(counts([1, 100, 100], [1.0; 3], 100), [1, 10, 10]);
        assert_eq!(counts([1, 100, 200], [1.0; 3], 50), [1, 5, 10]);
        assert_eq!(counts([1, 100, 100], [1.0, 2.0, 1.0], 200), [1, 20, 10]);
        assert_eq!(counts([20, 100, 100], [5.0, 1.0, 1.0], 1000), [10, 10, 10]);
        // Slices 30 mm apart are thicker than boxes would be.
        assert_eq!(counts([4, 100, 100], [30.0, 1.0, 1.0], 400), [4, 10, 10]);
        assert_eq!(counts([1, 1, 7], [1.0; 3], 7), [1, 1, 7]);
        assert_eq!(counts([1, 1, 1], [1.0; 3], 1), [1, 1, 1]);
        assert_eq!(counts([1, 3, 3], [1.0; 3], 9), [1, 3, 3]);
    }

    #[test]
    fn every_pixel_is_in_the_box_where_it_is_found() {
        for (start, extent, n) in [(0, 7, 3), (5, 100, 13), (2, 4, 4), (0, 16, 1)] {
            let cells = Cells { start: [0, 0, start], extent: [1, 1, extent], counts: [1, 1, n] };
            assert_eq!(cells.span(2, 0).start, start);
            assert_eq!(cells.span(2, n - 1).end, start + extent);
            for i in 0..n {
                for pixel in cells.span(2, i) {
                    assert_eq!(cells.locate(2, pixel), i, "{extent} {n} {pixel}");
                }
            }
        }
    }

    #[test]
    fn rings_begin_with_the_box_itself() {
        let cells = Cells { start: [0; 3], extent: [1, 30, 30], counts: [1, 3, 3] };
        let found: Vec<_> = cells.ring([0, 1, 1], 1).map(|b| cells.id(b)).collect();
        assert_eq!(found, [4, 1, 3, 5, 7, 0, 2, 6, 8]);
        assert_eq!(cells.ring([0, 0, 0], 1).count(), 4);
    }
}
