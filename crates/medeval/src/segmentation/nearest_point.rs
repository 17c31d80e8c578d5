//! The nearest of many points.

use rayon::prelude::*;

/// Points that are looked through one by one.
const LEAF: usize = 8;
/// Points from which the two halves are sorted side by side.
const PARALLEL: usize = 8192;
/// Queries that follow each other on one thread.
const QUERIES: usize = 1024;

/// A position in mm along slices, rows and columns.
pub(crate) type Position = [f64; 3];

/// Balanced k-d tree (Friedman, Bentley and Finkel 1977): the middle of each range of points parts it in two.
pub(crate) struct KdTree {
    points: Vec<Position>,
    /// For each point that parts a range, the axis it does so along.
    axes: Vec<u8>,
}

/// The best point so far: squared distance and index.
type Best = (f64, usize);

impl KdTree {
    pub(crate) fn new(mut points: Vec<Position>) -> Self {
        let mut axes = vec![0; points.len()];
        part(&mut points, &mut axes);
        Self { points, axes }
    }

    /// Distance of each query to its nearest point in mm; infinite without points.
    ///
    /// Queries that follow each other should be neighbours: each starts from the point that was nearest to the one before.
    pub(crate) fn distances(&self, queries: &[Position]) -> Vec<f64> {
        let of_chunk = |queries: &[Position]| -> Vec<f64> {
            let mut nearest = 0;
            let of_query = |query: &Position| {
                let Some(point) = self.points.get(nearest) else { return f64::INFINITY };
                let mut best = (squared_distance(query, point), nearest);
                self.search(0, self.points.len(), query, [0.0; 3], 0.0, &mut best);
                nearest = best.1;
                best.0.sqrt()
            };
            queries.iter().map(of_query).collect()
        };
        queries.par_chunks(QUERIES).flat_map_iter(of_chunk).collect()
    }

    /// Looks through a range whose region is `away` (squared) from the query, by `offsets` along the axes.
    fn search(
        &self,
        start: usize,
        end: usize,
        query: &Position,
        offsets: Position,
        away: f64,
        best: &mut Best,
    ) {
        let mut consider = |index: usize| {
            let squared = squared_distance(query, &self.points[index]);
            if squared < best.0 {
                *best = (squared, index);
            }
        };
        if end - start <= LEAF {
            (start..end).for_each(consider);
            return;
        }
        let middle = start + (end - start) / 2;
        consider(middle);
        let axis = usize::from(self.axes[middle]);
        let offset = query[axis] - self.points[middle][axis];
        let (near, far) = ((start, middle), (middle + 1, end));
        let (near, far) = if offset < 0.0 { (near, far) } else { (far, near) };
        self.search(near.0, near.1, query, offsets, away, best);
        let beyond = away - offsets[axis] * offsets[axis] + offset * offset;
        if beyond < best.0 {
            let mut offsets = offsets;
            offsets[axis] = offset;
            self.search(far.0, far.1, query, offsets, beyond, best);
        }
    }
}

/// Sorts points so that those before the middle lie on one side of it along its axis, and so on in each half.
fn part(points: &mut [Position], axes: &mut [u8]) {
    if points.len() <= LEAF {
        return;
    }
    let axis = widest_axis(points);
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| a[axis].total_cmp(&b[axis]));
    axes[middle] = axis as u8;
    let parallel = points.len() >= PARALLEL;
    let (low, high) = points.split_at_mut(middle);
    let (low_axes, high_axes) = axes.split_at_mut(middle);
    let mut low = || part(low, low_axes);
    let mut high = || part(&mut high[1..], &mut high_axes[1..]);
    if parallel {
        rayon::join(low, high);
    } else {
        low();
        high();
    }
}

fn widest_axis(points: &[Position]) -> usize {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for point in points {
        for axis in 0..3 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let extent = |axis: usize| high[axis] - low[axis];
    (1..3).fold(0, |widest, axis| if extent(axis) > extent(widest) { axis } else { widest })
}

fn squared_distance(a: &Position, b: &Position) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]) * (a[axis] - b[axis])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a grid, with many at the same distance, in no order.
    fn scattered(count: u64, stride: u64, extent: u64) -> Vec<Position> {
        let coordinate = |n: u64| (n % extent) as f64;
        (0..count)
            .map(|i| i * stride)
            .map(|n| [coordinate(n), 0.7 * coordinate(n / 7), 2.0 * coordinate(n / 53)])
            .collect()
    }

    #[test]
    fn no_point_is_nearer() {
        for count in [1, 7, 8, 9, 100, 20_000] {
            let points = scattered(count, 7_919, 31);
            let queries = scattered(200, 104_729, 40);
            let found = KdTree::new(points.clone()).distances(&queries);
            for (query, found) in queries.iter().zip(found) {
                let least = points.iter().map(|p| squared_distance(query, p)).fold(f64::INFINITY, f64::min);
                assert_eq!(found, least.sqrt(), "{count} points");
            }
        }
        assert_eq!(KdTree::new(Vec::new()).distances(&[[0.0; 3]]), [f64::INFINITY]);
    }
}
