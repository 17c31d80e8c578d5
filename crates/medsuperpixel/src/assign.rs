//! The assignment of pixels to clusters: most of the time of SLIC.
//!
//! Written over [`Lanes`], and inlined into the functions of [`crate::simd`], which compile it for several instruction sets. No
//! operation is fused or reordered, so the result does not depend on which.

use std::ops::Range;

use crate::candidates::Candidates;
use crate::cells::Cells;
use crate::clusters::{Change, Clusters, Metric};
use crate::lanes::{LANES, Lanes};
use crate::planes::Planes;

/// A pixel outside of the mask.
pub(crate) const OUTSIDE: u32 = u32::MAX;
/// A pixel that has no cluster yet.
pub(crate) const UNASSIGNED: u32 = u32::MAX - 1;

/// What an assignment is made with.
pub(crate) struct Job<'a> {
    pub(crate) planes: &'a Planes,
    pub(crate) cells: &'a Cells,
    pub(crate) candidates: &'a Candidates,
    pub(crate) clusters: &'a Clusters,
    pub(crate) metric: &'a Metric,
    /// Cells that are looked at: those that are not 0.
    pub(crate) due: &'a [usize],
    /// Rows that are looked at: those whose slice and row add up to the second modulo the first.
    pub(crate) rows: (usize, usize),
    /// Without values: by place alone.
    pub(crate) place_only: bool,
}

/// Some rows, and what happens to them.
pub(crate) struct Band<'a> {
    /// Rows, those of all slices one after the other.
    pub(crate) rows: Range<usize>,
    /// Cluster of each pixel `[row, column]`, each row as long as the stride of the planes.
    pub(crate) labels: &'a mut [u32],
    pub(crate) change: &'a mut Change,
}

/// The candidates of a cell, gathered.
#[derive(Default)]
struct Gathered {
    candidates: Vec<Candidate>,
    /// Features `[candidate, channel]`.
    values: Vec<f32>,
    /// The candidates of the row at hand.
    row: Vec<Candidate>,
}

/// A cluster as the pixels of a row see it. Distances are squared.
#[derive(Clone, Copy)]
struct Candidate {
    id: u32,
    /// Where its features begin.
    values: usize,
    /// Column.
    x: f32,
    y: f32,
    /// Distance to the slice.
    slice: f32,
    /// Distance to the row.
    row: f32,
    weight: f32,
}

/// Assigns the pixels of a band.
#[inline(always)]
pub(crate) fn assign<V: Lanes>(job: &Job<'_>, band: &mut Band<'_>) {
    let channels = if job.place_only { 0 } else { job.planes.channels };
    match (channels, job.metric.adaptive && !job.place_only) {
        (1, false) => rows::<V, 1, false>(job, band),
        (3, false) => rows::<V, 3, false>(job, band),
        (_, false) => rows::<V, 0, false>(job, band),
        (1, true) => rows::<V, 1, true>(job, band),
        (3, true) => rows::<V, 3, true>(job, band),
        (_, true) => rows::<V, 0, true>(job, band),
    }
}

/// `C`: channels that are compared, 0 where the number is not known at compile time.
#[inline(always)]
fn rows<V: Lanes, const C: usize, const ADAPTIVE: bool>(job: &Job<'_>, band: &mut Band<'_>) {
    let per_slice = job.planes.size[1];
    let mut gathered = Gathered::default();
    let mut pixels = Vec::new();
    let cells = job.cells;
    let mut row = band.rows.start;
    while row < band.rows.end {
        let (z, y) = (row / per_slice, row % per_slice);
        let cell = [cells.locate(0, z), cells.locate(1, y)];
        // To the end of this row of cells, of the slice, or of the band.
        let end = if y < cells.start[1] { cells.start[1] } else { cells.span(1, cell[1]).end };
        let end = if end <= y { per_slice } else { end };
        let next = (row - y + end).min(band.rows.end);
        let outside = !covers(cells, 0, z) || !covers(cells, 1, y);
        for x in 0..if outside { 0 } else { cells.counts[2] } {
            let id = cells.id([cell[0], cell[1], x]);
            if job.due[id] > 0 {
                gathered.fill::<C>(job, job.candidates.of(id), z);
                let columns = cells.span(2, x);
                let (step, phase) = job.rows;
                let skipped = (step + phase - (z + y) % step) % step;
                for r in (row + skipped..next).step_by(step) {
                    segment::<V, C, ADAPTIVE>(
                        job,
                        band,
                        &mut gathered,
                        &mut pixels,
                        [z, r - z * per_slice],
                        columns.clone(),
                    );
                }
            }
        }
        row = next;
    }
}

fn covers(cells: &Cells, axis: usize, pixel: usize) -> bool {
    (cells.start[axis]..cells.start[axis] + cells.extent[axis]).contains(&pixel)
}

impl Gathered {
    /// Of candidates, with their distances to slice `z` in place of their slices.
    #[inline(always)]
    fn fill<const C: usize>(&mut self, job: &Job<'_>, ids: &[u32], z: usize) {
        let channels = compared::<C>(job);
        let all = job.clusters.channels;
        let z = z as f32 * job.metric.scale[0];
        self.candidates.clear();
        self.values.clear();
        for &id in ids {
            let k = id as usize;
            let [cz, y, x] = job.clusters.positions[k];
            let slice = (cz - z) * (cz - z);
            let values = self.values.len();
            self.candidates.push(Candidate {
                id,
                values,
                x,
                y,
                slice,
                row: slice,
                weight: job.clusters.weights[k],
            });
            self.values.extend_from_slice(&job.clusters.values[k * all..][..channels]);
        }
    }
}

#[inline(always)]
fn compared<const C: usize>(job: &Job<'_>) -> usize {
    match C {
        0 if job.place_only => 0,
        0 => job.planes.channels,
        _ => C,
    }
}

/// The pixels of one cell in one row.
#[inline(always)]
fn segment<V: Lanes, const C: usize, const ADAPTIVE: bool>(
    job: &Job<'_>,
    band: &mut Band<'_>,
    gathered: &mut Gathered,
    pixels: &mut Vec<V>,
    [z, y]: [usize; 2],
    columns: Range<usize>,
) {
    let planes = job.planes;
    let (row, stride) = (z * planes.size[1] + y, planes.stride);
    let features = planes.row(row);
    let labels = &mut band.labels[(row - band.rows.start) * stride..][..stride];
    let place = y as f32 * job.metric.scale[1];
    let window = job.metric.window;
    gathered.row.clear();
    for (k, c) in gathered.candidates.iter().enumerate() {
        let away = c.y - place;
        // The first is the cell's own: every pixel has a candidate.
        if k == 0 || (away <= window && -away <= window) {
            gathered.row.push(Candidate { row: c.slice + away * away, ..*c });
        }
    }
    let ramp = V::ramp();
    let step = V::splat(job.metric.scale[2]);
    let mut x = columns.start;
    while x < columns.end {
        let end = (x + LANES).min(columns.end);
        // A block that would leave the row begins earlier; its first pixels keep their labels.
        let start = x.min(stride - LANES);
        let places = ramp.add(V::splat(start as f32)).mul(step);
        let ends = [start, start + LANES - 1].map(|x| x as f32 * job.metric.scale[2]);
        let load = |c: usize| V::load(&features[c * stride + start..]);
        let found = if C == 0 {
            pixels.clear();
            pixels.extend((0..compared::<C>(job)).map(load));
            nearest::<V, ADAPTIVE>(gathered, pixels, places, ends, window)
        } else {
            let mut block = [ramp; C];
            for (c, block) in block.iter_mut().enumerate() {
                *block = load(c);
            }
            nearest::<V, ADAPTIVE>(gathered, &block, places, ends, window)
        };
        let labels = &mut labels[start..start + LANES];
        let mut old = [0u32; LANES];
        old.copy_from_slice(labels);
        let mut new = [0u32; LANES];
        let (first, last) = ((x - start) as u32, (end - start) as u32);
        let mut changed = 0;
        for l in 0..LANES {
            let within = (l as u32 >= first) & ((l as u32) < last) & (old[l] != OUTSIDE);
            new[l] = if within { found[l] } else { old[l] };
            changed |= new[l] ^ old[l];
        }
        if changed != 0 {
            labels.copy_from_slice(&new);
            let mut l = x - start;
            while l < end - start {
                let (from, to) = (old[l], new[l]);
                let first = l;
                // Neighbours mostly go from the same cluster to the same other.
                while l < end - start && old[l] == from && new[l] == to {
                    l += 1;
                }
                if from != to {
                    band.change.pixels([from, to], [z, y], start + first..start + l, features, stride);
                }
            }
        }
        if ADAPTIVE {
            let used = &new[x - start..end - start];
            see(job, band.change, used, features, x);
        }
        x = end;
    }
}

/// The nearest candidate of each pixel of a block; the first of equals.
#[inline(always)]
fn nearest<V: Lanes, const ADAPTIVE: bool>(
    gathered: &Gathered,
    pixels: &[V],
    places: V,
    [left, right]: [f32; 2],
    window: f32,
) -> [u32; LANES] {
    let mut best = V::splat(f32::INFINITY);
    let mut found = V::splat_bits(UNASSIGNED);
    for c in &gathered.row {
        let own = &gathered.values[c.values..][..pixels.len()];
        // No pixel of the block is closer than its place allows.
        let (before, after) = (left - c.x, c.x - right);
        let gap = if before > after { before } else { after };
        let gap = if gap > 0.0 { gap } else { 0.0 };
        if gap > window || !best.any_above(c.row + gap * gap) {
            continue;
        }
        let away = places.sub(V::splat(c.x));
        let place = away.mul(away).add(V::splat(c.row));
        let mut value = V::splat(0.0);
        for (pixels, v) in pixels.iter().zip(own) {
            let d = pixels.sub(V::splat(*v));
            value = value.add(d.mul(d));
        }
        if ADAPTIVE {
            value = value.mul(V::splat(c.weight));
        }
        let distance = place.add(value);
        found = distance.select_below(best, V::splat_bits(c.id), found);
        best = distance.select_below(best, distance, best);
    }
    found.bits()
}

/// Notes the squared differences in value between pixels and their clusters.
fn see(job: &Job<'_>, change: &mut Change, labels: &[u32], features: &[i16], x: usize) {
    let channels = job.planes.channels;
    for (l, &label) in labels.iter().enumerate().filter(|(_, label)| **label < UNASSIGNED) {
        let values = &job.clusters.values[label as usize * channels..][..channels];
        let pixel = features.chunks(job.planes.stride).map(|channel| f32::from(channel[x + l]));
        let difference = pixel.zip(values).map(|(p, v)| (p - v) * (p - v)).sum::<f32>();
        let largest = &mut change.largest[label as usize - change.first];
        *largest = largest.max(difference);
    }
}
