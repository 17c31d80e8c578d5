//! The clustering: assignments and updates in turns.

use std::ops::Range;

use rayon::prelude::*;

use crate::assign::{Band, Job, OUTSIDE, UNASSIGNED};
use crate::candidates::Candidates;
use crate::cells::Cells;
use crate::clusters::{Change, Clusters, Metric};
use crate::error::Result;
use crate::planes::Planes;
use crate::seeds;
use crate::simd::Vectors;

/// Bands of rows per thread: more than one, for threads that finish early.
const BANDS_PER_THREAD: usize = 4;
/// Cells of a mask's box per segment, at most: a mask may fill little of its box.
const CELLS_PER_SEGMENT: usize = 8;

/// Clusters being found.
pub(crate) struct KMeans<'a> {
    planes: &'a Planes,
    metric: Metric,
    vectors: Vectors,
    cells: Cells,
    candidates: Candidates,
    pub(crate) clusters: Clusters,
    /// Cluster of each pixel `[row, column]`, each row as long as the stride of the planes.
    pub(crate) labels: Vec<u32>,
    bands: Vec<(Range<usize>, Change)>,
}

impl<'a> KMeans<'a> {
    /// From a grid: one cluster per cell, of the cell's pixels.
    pub(crate) fn on_grid(
        planes: &'a Planes,
        cells: Cells,
        metric: Metric,
        vectors: Vectors,
    ) -> Result<Self> {
        let candidates = Candidates::of_grid(&cells);
        let middle = |axis: usize, i: usize| {
            let span = cells.span(axis, i);
            (span.start + span.end - 1) as f64 / 2.0
        };
        let [nz, ny, nx] = cells.counts;
        let seeds: Vec<[f64; 3]> = (0..nz * ny * nx)
            .map(|k| [middle(0, k / (ny * nx)), middle(1, k / nx % ny), middle(2, k % nx)])
            .collect();
        let clusters = Clusters::new(&seeds, planes.channels, &metric);
        let mut found = Self::new(planes, metric, vectors, cells, candidates, clusters)?;
        found.fill_cells();
        found.clusters.update(&found.metric);
        Ok(found)
    }

    /// From seeds spread over a mask `[slice, row, column]`, moved apart by place alone (Irving 2016, section 2.2).
    pub(crate) fn on_mask(
        planes: &'a Planes,
        mask: &[bool],
        spacing: [f64; 3],
        segments: usize,
        metric: Metric,
        vectors: Vectors,
        (iterations, stride): (usize, usize),
    ) -> Result<Self> {
        let seeds = seeds::over_mask(mask, planes.size, spacing, segments);
        let (start, extent) = seeds::bounds(mask, planes.size).unwrap_or(([0; 3], planes.size));
        let masked = mask.iter().filter(|m| **m).count();
        let fill = extent.iter().product::<usize>() / masked.max(1);
        let wanted = segments.saturating_mul(fill.clamp(1, CELLS_PER_SEGMENT));
        let cells = Cells::new(start, extent, spacing, wanted.min(extent.iter().product()));
        let candidates = Candidates::of_positions(&cells, &seeds, &cells_of_mask(&cells, mask, planes.size));
        let clusters = Clusters::new(&seeds, planes.channels, &metric);
        let mut found = Self::new(planes, metric, vectors, cells, candidates, clusters)?;
        let columns = planes.size[2];
        found.labels.par_chunks_mut(planes.stride).zip(mask.par_chunks(columns)).for_each(
            |(labels, mask)| {
                labels.fill(OUTSIDE);
                labels.iter_mut().zip(mask).filter(|(_, m)| **m).for_each(|(l, _)| *l = UNASSIGNED);
            },
        );
        found.run(iterations, stride, true);
        Ok(found)
    }

    fn new(
        planes: &'a Planes,
        metric: Metric,
        vectors: Vectors,
        cells: Cells,
        candidates: Candidates,
        clusters: Clusters,
    ) -> Result<Self> {
        let rows = planes.size[0] * planes.size[1];
        let labels = medcore::zeroed(rows * planes.stride)?;
        let bands = bands(rows, planes, &cells, &candidates);
        Ok(Self { planes, metric, vectors, cells, candidates, clusters, labels, bands })
    }

    /// Every pixel to the cluster of its cell.
    fn fill_cells(&mut self) {
        let [_, rows, columns] = self.planes.size;
        let cells = &self.cells;
        let ids: Vec<u32> = (0..columns).map(|x| cells.locate(2, x) as u32).collect();
        let first = |row: usize| cells.id([cells.locate(0, row / rows), cells.locate(1, row % rows), 0]);
        self.labels.par_chunks_mut(self.planes.stride).enumerate().for_each(|(row, labels)| {
            let first = first(row) as u32;
            labels.iter_mut().zip(&ids).for_each(|(label, id)| *label = first + id);
            labels[columns..].fill(OUTSIDE);
        });
        for row in 0..self.planes.size[0] * rows {
            for x in 0..cells.counts[2] {
                let span = cells.span(2, x);
                self.clusters.add_run(
                    first(row) + x,
                    [row / rows, row % rows],
                    span.start,
                    span.end,
                    self.planes,
                );
            }
        }
    }

    /// Assigns and updates until nothing moves, at most so many times. All but the last time only every `stride`-th row is looked
    /// at, another one each time.
    pub(crate) fn run(&mut self, iterations: usize, stride: usize, place_only: bool) {
        // For each tile, how often it is still to be looked at: once for each of the rows in turn after a candidate moved.
        let mut due = vec![stride; self.candidates.tiles()];
        for i in 1..iterations {
            self.assign(&due, (stride, i % stride), place_only);
            self.update();
            let (moved, candidates) = (&self.clusters.moved, &self.candidates);
            due.par_iter_mut().enumerate().with_min_len(256).for_each(|(tile, due)| {
                let moved = candidates.of(tile).0.iter().any(|k| moved[*k as usize]);
                *due = if moved { stride } else { due.saturating_sub(1) };
            });
            if due.iter().all(|due| *due == 0) {
                break;
            }
        }
        if iterations > 0 && (stride > 1 || due.iter().any(|due| *due > 0)) {
            due.fill(1);
            self.assign(&due, (1, 0), place_only);
            self.update();
        }
    }

    fn update(&mut self) {
        for (_, change) in &self.bands {
            self.clusters.apply(change);
        }
        self.clusters.update(&self.metric);
    }

    fn assign(&mut self, due: &[usize], rows: (usize, usize), place_only: bool) {
        let job = Job {
            planes: self.planes,
            cells: &self.cells,
            candidates: &self.candidates,
            clusters: &self.clusters,
            metric: &self.metric,
            due,
            rows,
            place_only,
        };
        let (vectors, stride) = (self.vectors, self.planes.stride);
        let mut rest = self.labels.as_mut_slice();
        let mut work = Vec::with_capacity(self.bands.len());
        for (rows, change) in &mut self.bands {
            let (labels, after) = rest.split_at_mut(rows.len() * stride);
            rest = after;
            work.push(Band { rows: rows.clone(), labels, change });
        }
        work.par_iter_mut().with_max_len(1).for_each(|band| {
            band.change.clear();
            vectors.assign(&job, band);
        });
    }
}

/// Which cells have pixels of a mask.
fn cells_of_mask(cells: &Cells, mask: &[bool], [_, rows, columns]: [usize; 3]) -> Vec<bool> {
    let mut found = vec![false; cells.len()];
    let across: Vec<usize> = (0..columns).map(|x| cells.locate(2, x)).collect();
    for (row, mask) in mask.chunks(columns).enumerate().filter(|(_, row)| row.contains(&true)) {
        let first = cells.id([cells.locate(0, row / rows), cells.locate(1, row % rows), 0]);
        mask.iter().zip(&across).filter(|(m, _)| **m).for_each(|(_, x)| found[first + x] = true);
    }
    found
}

/// Bands of rows, with room for the changes of the clusters that each can reach. What they are does not change results.
fn bands(
    rows: usize,
    planes: &Planes,
    cells: &Cells,
    candidates: &Candidates,
) -> Vec<(Range<usize>, Change)> {
    let count = (rayon::current_num_threads() * BANDS_PER_THREAD).min(rows);
    let per_slice = planes.size[1];
    let cell_row =
        |row: usize| cells.locate(0, row / per_slice) * cells.counts[1] + cells.locate(1, row % per_slice);
    (0..count)
        .map(|b| {
            let rows = b * rows / count..(b + 1) * rows / count;
            let span = candidates.span(rows.clone().map(cell_row));
            (rows, Change::new(span.start, span.len(), planes.channels))
        })
        .collect()
}
