//! Components that are too small become part of a neighbour.

use rayon::prelude::*;

use crate::clusters::Clusters;
use crate::components::{NONE, Sets};
use crate::planes::Planes;
use crate::runs::Runs;

/// Rows in which one task looks for contacts.
const ROWS_PER_TASK: usize = 64;
/// Contacts that a task has room for from the beginning.
const ROOM: usize = 1024;

/// Joins each of the components `small` (in order) to the neighbour whose features are closest, the smallest first, of those with which
/// it has at most `most` pixels. What has no such neighbour stays.
pub(crate) fn merge_small(
    runs: &Runs,
    components: &mut [u32],
    sizes: &mut [u32],
    planes: &Planes,
    clusters: &Clusters,
    small: Vec<u32>,
    most: usize,
) {
    if small.is_empty() {
        return;
    }
    let mut order = small.clone();
    order.sort_unstable_by_key(|&c| (sizes[c as usize], c));
    let mut small = Small::new(runs, components, planes, small);
    let mut parents: Vec<u32> = (0..components.len() as u32).collect();
    let mut sets = Sets(&mut parents);
    for component in order {
        let found = small
            .index(component)
            .and_then(|i| Some((i, small.nearest(i, sizes, most, &mut sets, runs, clusters)?)));
        if let Some((i, nearest)) = found {
            sets.0[component as usize] = nearest;
            sizes[nearest as usize] += sizes[component as usize];
            if let Some(j) = small.index(nearest) {
                small.join(i, j);
            }
        }
    }
    for component in components.iter_mut().filter(|c| **c != NONE) {
        *component = sets.find(*component);
    }
}

/// Small components, what they are like and what they touch.
struct Small {
    components: Vec<u32>,
    /// Place of each component in `components`, [`NONE`] of those that are not small.
    indices: Vec<u32>,
    channels: usize,
    /// Sums of features `[component, channel]`.
    sums: Vec<i64>,
    /// Where the contacts of each begin.
    offsets: Vec<usize>,
    contacts: Vec<u32>,
    /// The member of a set after this one, and the last member of the set that this one names: the
    /// contacts of a set are those of its members.
    next: Vec<u32>,
    last: Vec<u32>,
    neighbours: Vec<u32>,
}

impl Small {
    fn new(runs: &Runs, components: &[u32], planes: &Planes, small: Vec<u32>) -> Self {
        let mut indices = vec![NONE; components.len()];
        for (i, c) in small.iter().enumerate() {
            indices[*c as usize] = i as u32;
        }
        let belongs: Vec<u32> =
            components.iter().map(|c| indices.get(*c as usize).copied().unwrap_or(NONE)).collect();
        let pairs = contacts(runs, components, &belongs);
        let mut offsets = vec![0usize; small.len() + 1];
        for &(i, _) in pairs.iter().flatten() {
            offsets[i as usize + 1] += 1;
        }
        for i in 0..small.len() {
            offsets[i + 1] += offsets[i];
        }
        let mut fill = offsets.clone();
        let mut contacts = vec![0u32; offsets[small.len()]];
        for &(i, other) in pairs.iter().flatten() {
            contacts[fill[i as usize]] = other;
            fill[i as usize] += 1;
        }
        let mut found = Self {
            channels: planes.channels,
            sums: vec![0; small.len() * planes.channels],
            next: vec![NONE; small.len()],
            last: (0..small.len() as u32).collect(),
            components: small,
            indices,
            offsets,
            contacts,
            neighbours: Vec::new(),
        };
        found.sum(runs, &belongs, planes);
        found
    }

    fn index(&self, component: u32) -> Option<usize> {
        let index = self.indices[component as usize];
        (index != NONE).then_some(index as usize)
    }

    /// Adds the features of runs to what they belong to.
    fn sum(&mut self, runs: &Runs, belongs: &[u32], planes: &Planes) {
        for row in 0..runs.rows() {
            let features = planes.row(row);
            for run in runs.row(row).filter(|r| belongs[*r] != NONE) {
                let columns = runs.columns(row, run);
                let sums = &mut self.sums[belongs[run] as usize * self.channels..][..self.channels];
                for (c, sum) in sums.iter_mut().enumerate() {
                    let pixels = &features[c * planes.stride..][columns.clone()];
                    *sum += pixels.iter().map(|v| i64::from(*v)).sum::<i64>();
                }
            }
        }
    }

    /// The neighbour whose cluster's features are closest to the mean of a set, of those with which it has at most `most` pixels; the
    /// first of equals.
    fn nearest(
        &mut self,
        set: usize,
        sizes: &[u32],
        most: usize,
        sets: &mut Sets<'_>,
        runs: &Runs,
        clusters: &Clusters,
    ) -> Option<u32> {
        let itself = self.components[set];
        let pixels = sizes[itself as usize];
        let fits = |c: &u32| *c != itself && (pixels + sizes[*c as usize]) as usize <= most;
        self.neighbours.clear();
        let mut member = set as u32;
        while member != NONE {
            let m = member as usize;
            let touched = &self.contacts[self.offsets[m]..self.offsets[m + 1]];
            self.neighbours.extend(touched.iter().map(|c| sets.find(*c)).filter(fits));
            member = self.next[m];
        }
        let channels = self.channels;
        let sums = &self.sums[set * channels..][..channels];
        let pixels = f64::from(pixels);
        let distance = |c: &u32| -> f64 {
            let cluster = runs.runs[*c as usize].label as usize;
            let values = &clusters.values[cluster * channels..][..channels];
            sums.iter().zip(values).map(|(sum, v)| (*sum as f64 / pixels - f64::from(*v)).powi(2)).sum()
        };
        let by_distance = self.neighbours.iter().map(|c| (distance(c), *c));
        by_distance.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, c)| c)
    }

    /// Makes what is known of set `i` part of what is known of set `j`.
    fn join(&mut self, i: usize, j: usize) {
        self.next[self.last[j] as usize] = i as u32;
        self.last[j] = self.last[i];
        for c in 0..self.channels {
            self.sums[j * self.channels + c] += self.sums[i * self.channels + c];
        }
    }
}

/// Pairs of a small component (its index) and a component that it touches, by rows. `belongs` has the index of each run's component.
fn contacts(runs: &Runs, components: &[u32], belongs: &[u32]) -> Vec<Vec<(u32, u32)>> {
    let rows: Vec<usize> = (0..runs.rows()).collect();
    rows.par_chunks(ROWS_PER_TASK)
        .map(|rows| {
            let mut found = Vec::with_capacity(ROOM);
            let mut note = |a: usize, b: usize| {
                let (i, j) = (belongs[a], belongs[b]);
                let (a, b) = (components[a], components[b]);
                if i & j != NONE && a != b && a != NONE && b != NONE {
                    found.extend((i != NONE).then_some((i, b)));
                    found.extend((j != NONE).then_some((j, a)));
                }
            };
            for &row in rows {
                runs.row(row).skip(1).for_each(|run| note(run - 1, run));
                for before in runs.rows_before(row) {
                    runs.touching(row, before, |a, b, _| note(a, b));
                }
            }
            found
        })
        .collect()
}
