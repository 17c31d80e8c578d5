//! The assignment of pixels to clusters: most of the time of SLIC.
//!
//! Written over [`Lanes`], and inlined into the functions of [`crate::simd`], which compile it for several instruction sets. No
//! operation is fused or reordered, so the result does not depend on which.

use std::ops::Range;

use crate::candidates::Candidates;
use crate::cells::Cells;
use crate::clusters::{Change, Clusters, Metric, PLACE};
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
    /// Tiles that are looked at: those that are not 0.
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

/// The candidates of a tile that reach its columns. Distances are squared.
struct Gathered<V, const C: usize> {
    groups: Vec<Group<V, C>>,
    /// Candidates of all groups.
    len: usize,
    /// Features `[candidate, channel]`, where the number of channels is not known at compile time.
    values: Vec<f32>,
}

/// As many candidates as a block has pixels: what tells which of them reach a row is worked out for all at once.
struct Group<V, const C: usize> {
    ids: [u32; LANES],
    y: [f32; LANES],
    /// Distances to the slice.
    slice: [f32; LANES],
    /// How far each reaches along the column, squared; less than 0 for none.
    reach: [f32; LANES],
    weights: [f32; LANES],
    /// Of each candidate the distances along the row to the pixels of the block.
    across: [V; LANES],
    values: [[f32; C]; LANES],
}

/// Columns that are worked on together.
struct Block {
    /// The first of [`LANES`] columns.
    start: usize,
    /// One bit for each of them that belongs to the tile.
    within: u32,
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
    let mut gathered = Gathered { groups: Vec::new(), len: 0, values: Vec::new() };
    let (mut two, mut one) = (Vec::new(), Vec::new());
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
        let (step, phase) = job.rows;
        let first = row + (step + phase - (z + y) % step) % step;
        let blocks = job.candidates.blocks;
        for b in 0..if outside || first >= next { 0 } else { blocks } {
            let tile = (cell[0] * cells.counts[1] + cell[1]) * blocks + b;
            if job.due[tile] == 0 {
                continue;
            }
            let block = Block::of(cells, b, job.planes.stride);
            gathered.fill(job, tile, z, block.start);
            // Two rows at once: one does not wait for the other.
            let mut r = first;
            while r + step < next {
                assign_block::<V, C, ADAPTIVE, 2>(job, band, &gathered, &mut two, [r, r + step], &block);
                r += 2 * step;
            }
            if r < next {
                assign_block::<V, C, ADAPTIVE, 1>(job, band, &gathered, &mut one, [r], &block);
            }
        }
        row = next;
    }
}

fn covers(cells: &Cells, axis: usize, pixel: usize) -> bool {
    (cells.start[axis]..cells.start[axis] + cells.extent[axis]).contains(&pixel)
}

impl Block {
    #[inline(always)]
    fn of(cells: &Cells, block: usize, stride: usize) -> Self {
        let x = cells.start[2] + block * LANES;
        let end = (x + LANES).min(cells.start[2] + cells.extent[2]);
        // A block that would leave the row begins earlier; its first pixels keep their labels.
        let start = x.min(stride - LANES);
        Self { start, within: (1 << (end - start)) - (1u32 << (x - start)) }
    }
}

impl<V: Lanes, const C: usize> Group<V, C> {
    #[inline(always)]
    fn empty() -> Self {
        let (none, nothing) = ([0.0; LANES], V::splat(0.0));
        Self {
            ids: [UNASSIGNED; LANES],
            y: none,
            slice: none,
            reach: [-1.0; LANES],
            weights: none,
            across: [nothing; LANES],
            values: [[0.0; C]; LANES],
        }
    }
}

impl<V: Lanes, const C: usize> Gathered<V, C> {
    /// With the candidates of a tile whose block begins at column `start`, as seen from slice `z`.
    #[inline(always)]
    fn fill(&mut self, job: &Job<'_>, tile: usize, z: usize, start: usize) {
        let channels = compared::<C>(job);
        let all = job.clusters.channels;
        let scale = job.metric.scale;
        let z = z as f32 * scale[0];
        let places = V::ramp().add(V::splat(start as f32)).mul(V::splat(scale[2]));
        let [left, right] = [start, start + LANES - 1].map(|x| x as f32 * scale[2]);
        let (ids, own) = job.candidates.of(tile);
        self.len = 0;
        self.values.clear();
        for (i, &id) in ids.iter().enumerate() {
            let k = id as usize;
            let [cz, y, x] = job.clusters.positions[k];
            // Those of the tile's own cells reach everywhere: every pixel has a candidate.
            let reach = if i < own { f32::INFINITY } else { job.metric.window };
            if left - x > reach || x - right > reach {
                continue;
            }
            let (g, l) = (self.len / LANES, self.len % LANES);
            if g == self.groups.len() {
                self.groups.push(Group::empty());
            }
            let group = &mut self.groups[g];
            if l == 0 {
                group.reach = [-1.0; LANES];
            }
            group.ids[l] = id;
            group.y[l] = y;
            group.slice[l] = (cz - z) * (cz - z);
            group.reach[l] = reach * reach;
            group.weights[l] = job.clusters.weights[k];
            let away = places.sub(V::splat(x));
            let away = away.mul(away);
            group.across[l] = away.select_below(V::splat(reach * reach), away, V::splat(f32::INFINITY));
            let values = &job.clusters.values[k * all..];
            match values.first_chunk() {
                Some(values) if C > 0 => group.values[l] = *values,
                _ => self.values.extend_from_slice(&values[..channels]),
            }
            self.len += 1;
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

/// The pixels of a block in `R` rows, of those of all slices.
#[inline(always)]
fn assign_block<V: Lanes, const C: usize, const ADAPTIVE: bool, const R: usize>(
    job: &Job<'_>,
    band: &mut Band<'_>,
    gathered: &Gathered<V, C>,
    pixels: &mut Vec<[V; R]>,
    rows: [usize; R],
    block: &Block,
) {
    // No closures around vectors here: the compiler would not make one piece of code of them.
    let (planes, per_slice) = (job.planes, job.planes.size[1]);
    let mut fixed = [[V::splat(0.0); R]; C];
    pixels.clear();
    for (c, values) in fixed.iter_mut().enumerate() {
        for r in 0..R {
            values[r] = V::load(&planes.row(rows[r])[c * planes.stride + block.start..]);
        }
    }
    for c in C..compared::<C>(job) {
        let mut values = [V::splat(0.0); R];
        for r in 0..R {
            values[r] = V::load(&planes.row(rows[r])[c * planes.stride + block.start..]);
        }
        pixels.push(values);
    }
    let mut places = [0.0; R];
    for r in 0..R {
        places[r] = (rows[r] % per_slice) as f32 * job.metric.scale[1];
    }
    let found = nearest::<V, C, ADAPTIVE, R>(gathered, if C == 0 { pixels } else { &fixed }, places);
    for r in 0..R {
        let at = [rows[r] / per_slice, rows[r] % per_slice];
        let labels = &mut band.labels[(rows[r] - band.rows.start) * planes.stride + block.start..][..LANES];
        change::<V, C>(band.change, labels, found[r], block, at, planes);
        if ADAPTIVE {
            let first = block.within.trailing_zeros() as usize;
            let used = &labels[first..first + block.within.count_ones() as usize];
            see(job, band.change, used, planes.row(rows[r]), block.start + first);
        }
    }
}

/// Gives the pixels of a block in row `y` of slice `z` their new labels.
#[inline(always)]
fn change<V: Lanes, const C: usize>(
    change: &mut Change,
    labels: &mut [u32],
    new: V,
    block: &Block,
    [z, y]: [usize; 2],
    planes: &Planes,
) {
    let old = V::load_bits(labels);
    let changed = !old.equal(new) & !old.equal(V::splat_bits(OUTSIDE)) & block.within;
    if changed == 0 {
        return;
    }
    let bits = new.bits();
    let mut left = changed;
    while left != 0 {
        let first = left.trailing_zeros() as usize % LANES;
        let (from, to) = (labels[first], bits[first]);
        let same = old.equal(V::splat_bits(from)) & new.equal(V::splat_bits(to)) & left;
        left &= !same;
        let n = i64::from(same.count_ones());
        let x = n * block.start as i64 + V::ramp().sum(same) as i64;
        change.shift([from, to], 0, &[n, n * z as i64, n * y as i64, x]);
        let features = planes.row(z * planes.size[1] + y);
        let mut sums = [0; C];
        for (c, sum) in sums.iter_mut().enumerate() {
            *sum = V::load(&features[c * planes.stride + block.start..]).sum(same) as i64;
        }
        change.shift([from, to], PLACE, &sums);
        for c in C..planes.channels {
            let sum = V::load(&features[c * planes.stride + block.start..]).sum(same) as i64;
            change.shift([from, to], PLACE + c, &[sum]);
        }
    }
    new.store_bits(changed, labels);
}

/// The nearest candidate of each pixel of a block, in each of `R` rows; the first of equals.
#[inline(always)]
fn nearest<V: Lanes, const C: usize, const ADAPTIVE: bool, const R: usize>(
    gathered: &Gathered<V, C>,
    pixels: &[[V; R]],
    places: [f32; R],
) -> [V; R] {
    let far = V::splat(f32::INFINITY);
    let mut best = [far; R];
    // What no distance decides (they may overflow) is the cell's own.
    let mut found = [V::splat_bits(gathered.groups.first().map_or(UNASSIGNED, |g| g.ids[0])); R];
    for (g, group) in gathered.groups[..gathered.len.div_ceil(LANES)].iter().enumerate() {
        let mut left = 0;
        let mut rows = [[0; LANES]; R];
        for r in 0..R {
            let away = V::of(&group.y).sub(V::splat(places[r]));
            let away = away.mul(away);
            let row = away.select_below(V::of(&group.reach), V::of(&group.slice).add(away), far);
            left |= row.below(far);
            rows[r] = row.bits();
        }
        while left != 0 {
            let k = left.trailing_zeros() as usize % LANES;
            left &= left - 1;
            let own = if C == 0 {
                &gathered.values[(g * LANES + k) * pixels.len()..][..pixels.len()]
            } else {
                &group.values[k][..]
            };
            for r in 0..R {
                let mut value = V::splat(0.0);
                for (pixels, v) in pixels.iter().zip(own) {
                    let d = pixels[r].sub(V::splat(*v));
                    value = value.add(d.mul(d));
                }
                if ADAPTIVE {
                    value = value.mul(V::splat(group.weights[k]));
                }
                let distance = group.across[k].add(V::splat_bits(rows[r][k])).add(value);
                found[r] = distance.select_below(best[r], V::splat_bits(group.ids[k]), found[r]);
                best[r] = distance.least(best[r]);
            }
        }
    }
    found
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
