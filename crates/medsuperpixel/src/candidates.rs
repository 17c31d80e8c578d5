//! Which clusters the pixels of a cell are compared with.

use std::ops::Range;

use crate::cells::Cells;

/// For each cell the clusters nearby, the nearest first.
pub(crate) struct Candidates {
    offsets: Vec<usize>,
    clusters: Vec<u32>,
    /// Along each row of cells (of one slice and row of them), the clusters from the least to one past the last.
    spans: Vec<Range<usize>>,
}

impl Candidates {
    /// One cluster per cell: that of the cell itself and of those that touch it, at most 9 in 2D and 27 in 3D.
    pub(crate) fn of_grid(cells: &Cells) -> Self {
        let list =
            |at: [usize; 3], out: &mut Vec<u32>| out.extend(cells.neighbours(at).map(|b| cells.id(b) as u32));
        Self::build(cells, list)
    }

    /// Clusters anywhere (in pixels: slice, row, column): those in the cell and in the cells that touch it, or, where there are
    /// none, in the nearest cells that have some.
    pub(crate) fn of_positions(cells: &Cells, positions: &[[f64; 3]]) -> Self {
        let mut inside: Vec<Vec<u32>> = vec![Vec::new(); cells.len()];
        for (k, position) in positions.iter().enumerate() {
            let at = [0, 1, 2].map(|a| cells.locate(a, position[a].round() as usize));
            inside[cells.id(at)].push(k as u32);
        }
        let list = |at: [usize; 3], out: &mut Vec<u32>| {
            let mut reach = 1;
            let from = out.len();
            while out.len() == from && reach < 2 * cells.counts.iter().sum::<usize>() {
                out.extend(cells.ring(at, reach).flat_map(|b| &inside[cells.id(b)]));
                reach *= 2;
            }
        };
        Self::build(cells, list)
    }

    fn build(cells: &Cells, list: impl Fn([usize; 3], &mut Vec<u32>)) -> Self {
        let [slices, rows, columns] = cells.counts;
        let mut all = Self { offsets: vec![0], clusters: Vec::new(), spans: Vec::new() };
        for at in (0..slices).flat_map(|z| (0..rows).map(move |y| [z, y])) {
            let from = all.clusters.len();
            for x in 0..columns {
                list([at[0], at[1], x], &mut all.clusters);
                all.offsets.push(all.clusters.len());
            }
            let row = &all.clusters[from..];
            let first = row.iter().min().map_or(0, |k| *k as usize);
            let end = row.iter().max().map_or(0, |k| *k as usize + 1);
            all.spans.push(first..end);
        }
        all
    }

    /// The clusters of a cell.
    pub(crate) fn of(&self, cell: usize) -> &[u32] {
        &self.clusters[self.offsets[cell]..self.offsets[cell + 1]]
    }

    /// The clusters of some rows of cells.
    pub(crate) fn span(&self, cell_rows: impl Iterator<Item = usize>) -> Range<usize> {
        cell_rows
            .map(|r| self.spans[r].clone())
            .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
            .unwrap_or(0..0)
    }
}
