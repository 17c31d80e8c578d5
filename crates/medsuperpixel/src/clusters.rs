//! Clusters: exact sums over their pixels, and the centres that pixels are compared with.

use crate::assign::UNASSIGNED;
use crate::planes::Planes;

/// Sums that every cluster has besides those of its channels: pixels, slices, rows, columns.
pub(crate) const PLACE: usize = 4;

/// What a distance is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    /// From pixels to the unit of distance: slice, row, column.
    pub(crate) scale: [f32; 3],
    /// The compactness in steps of the features: a difference in value that weighs as much as one segment's side.
    pub(crate) compactness: f32,
    /// Each cluster's compactness is the largest difference in value that it has seen (SLICO).
    pub(crate) adaptive: bool,
    /// Along rows and columns no pixel is compared with a centre that is farther away, but for that of its own cell.
    pub(crate) window: f32,
    /// Centres stay where they are until their pixels' mean is so far off, in sides of a segment.
    pub(crate) tolerance: f32,
}

/// Changes of sums, of the clusters that a range of rows can reach.
pub(crate) struct Change {
    /// The first of these clusters.
    pub(crate) first: usize,
    channels: usize,
    sums: Vec<i64>,
    /// Largest squared difference in value seen.
    pub(crate) largest: Vec<f32>,
}

impl Change {
    pub(crate) fn new(first: usize, clusters: usize, channels: usize) -> Self {
        Self { first, channels, sums: vec![0; clusters * (PLACE + channels)], largest: vec![0.0; clusters] }
    }

    pub(crate) fn clear(&mut self) {
        self.sums.fill(0);
        self.largest.fill(0.0);
    }

    /// Takes values from some of the sums of one cluster (if there is one), from `first` on, and adds them to those of another.
    #[inline(always)]
    pub(crate) fn shift(&mut self, [from, to]: [u32; 2], first: usize, values: &[i64]) {
        let at = |cluster: u32| (cluster as usize - self.first) * (PLACE + self.channels) + first;
        let (from, to) = ((from != UNASSIGNED).then(|| at(from)), at(to));
        if let Some(from) = from {
            self.sums[from..][..values.len()].iter_mut().zip(values).for_each(|(sum, v)| *sum -= v);
        }
        self.sums[to..][..values.len()].iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
    }
}

/// All clusters.
pub(crate) struct Clusters {
    pub(crate) channels: usize,
    sums: Vec<i64>,
    /// Position, in units of distance, of each cluster: slice, row, column.
    pub(crate) positions: Vec<[f32; 3]>,
    /// Features of each cluster.
    pub(crate) values: Vec<f32>,
    /// Factor of squared differences in value, of each cluster.
    pub(crate) weights: Vec<f32>,
    /// Whether the centre moved in the last [`Clusters::update`].
    pub(crate) moved: Vec<bool>,
    largest: Vec<f32>,
}

impl Clusters {
    /// Without pixels, at positions in pixels (slice, row, column).
    pub(crate) fn new(seeds: &[[f64; 3]], channels: usize, metric: &Metric) -> Self {
        let n = seeds.len();
        let scaled = |seed: &[f64; 3]| [0, 1, 2].map(|a| seed[a] as f32 * metric.scale[a]);
        Self {
            channels,
            sums: vec![0; n * (PLACE + channels)],
            positions: seeds.iter().map(scaled).collect(),
            values: vec![0.0; n * channels],
            weights: vec![1.0; n],
            moved: vec![true; n],
            largest: vec![metric.compactness * metric.compactness; n],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    /// Adds the pixels of one row, from column `x0` to before `x1`.
    pub(crate) fn add_run(
        &mut self,
        cluster: usize,
        [z, y]: [usize; 2],
        x0: usize,
        x1: usize,
        planes: &Planes,
    ) {
        let width = PLACE + self.channels;
        let n = (x1 - x0) as i64;
        let sums = &mut self.sums[cluster * width..][..width];
        sums[0] += n;
        sums[1] += n * z as i64;
        sums[2] += n * y as i64;
        sums[3] += n * (x0 + x1 - 1) as i64 / 2;
        let row = planes.row(z * planes.size[1] + y);
        for (sum, channel) in sums[PLACE..].iter_mut().zip(row.chunks(planes.stride)) {
            // Short runs of 16-bit numbers do not overflow 32 bits.
            *sum += channel[x0..x1]
                .chunks(1 << 15)
                .map(|part| i64::from(part.iter().map(|&v| i32::from(v)).sum::<i32>()))
                .sum::<i64>();
        }
    }

    /// Adds changes.
    pub(crate) fn apply(&mut self, change: &Change) {
        let from = change.first * (PLACE + self.channels);
        for (sum, delta) in self.sums[from..].iter_mut().zip(&change.sums) {
            *sum += delta;
        }
        for (largest, seen) in self.largest[change.first..].iter_mut().zip(&change.largest) {
            *largest = largest.max(*seen);
        }
    }

    /// Moves centres to the means of their pixels; a cluster without pixels stays.
    pub(crate) fn update(&mut self, metric: &Metric) {
        let (channels, width) = (self.channels, PLACE + self.channels);
        let least = (metric.tolerance * metric.compactness).powi(2);
        let mut mean = vec![0.0f32; channels];
        for k in 0..self.len() {
            let sums = &self.sums[k * width..][..width];
            let weight = metric.compactness.powi(2) / self.largest[k];
            let reweighted = metric.adaptive && weight != self.weights[k];
            if metric.adaptive {
                self.weights[k] = weight;
            }
            self.moved[k] = reweighted;
            if sums[0] == 0 {
                continue;
            }
            let count = sums[0] as f64;
            let place = [0, 1, 2].map(|a| (sums[1 + a] as f64 / count) as f32 * metric.scale[a]);
            let values = &mut self.values[k * channels..][..channels];
            let mut far = 0.0;
            for (c, value) in values.iter().enumerate() {
                mean[c] = (sums[PLACE + c] as f64 / count) as f32;
                far += (mean[c] - value).powi(2);
            }
            far = far * self.weights[k]
                + (0..3).map(|a| (place[a] - self.positions[k][a]).powi(2)).sum::<f32>();
            if far > least || (least == 0.0 && far != 0.0) {
                self.positions[k] = place;
                values.copy_from_slice(&mean);
                self.moved[k] = true;
            }
        }
    }
}
