//! Which clusters pixels are compared with.

use std::ops::Range;

use crate::cells::Cells;
use crate::lanes::LANES;

/// For each tile the clusters nearby.
///
/// A tile is a block of [`LANES`] columns, in the rows of one row of cells. Blocks begin at the first column of the cells, whatever
/// cells they lie in: so no vector is partly empty but at the end of a row.
pub(crate) struct Candidates {
    /// Blocks along a row.
    pub(crate) blocks: usize,
    offsets: Vec<usize>,
    clusters: Vec<u32>,
    /// How many of a tile's clusters, the first, reach all of it.
    own: Vec<u32>,
    /// Along each row of tiles, the clusters from the least to one past the last.
    spans: Vec<Range<usize>>,
}

impl Candidates {
    /// One cluster per cell: those of the tile's own cells, and of those that touch them.
    pub(crate) fn of_grid(cells: &Cells) -> Self {
        Self::build(cells, |[z, y], across, out| {
            let own = across.len();
            out.extend(across.clone().map(|x| cells.id([z, y, x]) as u32));
            let near = |axis: usize, from: usize, to: usize| {
                from.saturating_sub(1)..(to + 1).min(cells.counts[axis])
            };
            for (bz, by) in near(0, z, z + 1).flat_map(|bz| near(1, y, y + 1).map(move |by| (bz, by))) {
                for bx in near(2, across.start, across.end) {
                    if (bz, by) != (z, y) || !across.contains(&bx) {
                        out.push(cells.id([bz, by, bx]) as u32);
                    }
                }
            }
            own
        })
    }

    /// Clusters anywhere (in pixels: slice, row, column): those in each of the tile's cells and in the cells that touch it, or, where
    /// there are none, in the nearest cells that have some. Cells that are not needed have none.
    pub(crate) fn of_positions(cells: &Cells, positions: &[[f64; 3]], needed: &[bool]) -> Self {
        let mut inside: Vec<Vec<u32>> = vec![Vec::new(); cells.len()];
        for (k, position) in positions.iter().enumerate() {
            let at = [0, 1, 2].map(|a| cells.locate(a, position[a].round() as usize));
            inside[cells.id(at)].push(k as u32);
        }
        let list = |at: [usize; 3], out: &mut Vec<u32>| {
            let mut reach = 1;
            while out.is_empty() && reach < 2 * cells.counts.iter().sum::<usize>() {
                out.extend(cells.ring(at, reach).flat_map(|b| &inside[cells.id(b)]));
                reach *= 2;
            }
        };
        let mut found = Vec::new();
        Self::build(cells, |[z, y], across, out| {
            let from = out.len();
            for at in across.map(|x| [z, y, x]).filter(|at| needed[cells.id(*at)]) {
                found.clear();
                list(at, &mut found);
                for &k in &found {
                    if !out[from..].contains(&k) {
                        out.push(k);
                    }
                }
            }
            1
        })
    }

    /// `list` appends the clusters of the tile over some cells (slice and row of cells, and which along it), and says how many of
    /// them reach all of it.
    fn build(cells: &Cells, mut list: impl FnMut([usize; 2], Range<usize>, &mut Vec<u32>) -> usize) -> Self {
        let [slices, rows, _] = cells.counts;
        let (start, end) = (cells.start[2], cells.start[2] + cells.extent[2]);
        let blocks = cells.extent[2].div_ceil(LANES);
        let across: Vec<Range<usize>> = (0..blocks)
            .map(|b| [start + b * LANES, (start + (b + 1) * LANES).min(end) - 1])
            .map(|ends| cells.locate(2, ends[0])..cells.locate(2, ends[1]) + 1)
            .collect();
        let mut all =
            Self { blocks, offsets: vec![0], clusters: Vec::new(), own: Vec::new(), spans: Vec::new() };
        for at in (0..slices).flat_map(|z| (0..rows).map(move |y| [z, y])) {
            let from = all.clusters.len();
            for across in &across {
                let own = list(at, across.clone(), &mut all.clusters);
                all.own.push(own as u32);
                all.offsets.push(all.clusters.len());
            }
            let row = &all.clusters[from..];
            let first = row.iter().min().map_or(0, |k| *k as usize);
            let end = row.iter().max().map_or(0, |k| *k as usize + 1);
            all.spans.push(first..end);
        }
        all
    }

    /// How many tiles there are.
    pub(crate) fn tiles(&self) -> usize {
        self.own.len()
    }

    /// The clusters of a tile, and how many of them, the first, reach all of it.
    pub(crate) fn of(&self, tile: usize) -> (&[u32], usize) {
        (&self.clusters[self.offsets[tile]..self.offsets[tile + 1]], self.own[tile] as usize)
    }

    /// The clusters of some rows of tiles.
    pub(crate) fn span(&self, rows: impl Iterator<Item = usize>) -> Range<usize> {
        rows.map(|r| self.spans[r].clone())
            .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
            .unwrap_or(0..0)
    }
}
