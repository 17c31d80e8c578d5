//! From clusters to connected regions.

use rayon::prelude::*;

use crate::assign::OUTSIDE;
use crate::clusters::Clusters;
use crate::components::{NONE, components, sizes};
use crate::cut::cut;
use crate::lanes::LANES;
use crate::planes::Planes;
use crate::runs::Runs;
use crate::simd::Vectors;
use crate::small::merge_small;

/// Limits of a region's size, in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Smaller pieces become part of a neighbour that has room for them.
    pub(crate) least: usize,
    /// Larger regions are cut, at least 1.
    pub(crate) most: usize,
    /// So many of the largest pieces can be regions of their own.
    pub(crate) count: usize,
}

/// Every region of the labels connected, numbered from 1 in the order of first pixels; 0 outside of the mask. Returns how many.
pub(crate) fn connect(
    labels: &mut [u32],
    planes: &Planes,
    clusters: &Clusters,
    mut limits: Limits,
    vectors: Vectors,
) -> usize {
    let mut runs = Runs::new(labels, planes.size, planes.stride, vectors);
    let mut components = components(&runs);
    let mut sizes = sizes(&runs, &components);
    if sizes.iter().any(|s| *s as usize > limits.most) {
        limits.count += cut(&mut runs, &mut components, &mut sizes, limits.most);
    }
    let small = too_small(&sizes, limits);
    merge_small(&runs, &mut components, &mut sizes, planes, clusters, small, limits.most);
    write(labels, planes.stride, &runs, &components)
}

/// The components that are no regions of their own: those under the least size, and the smallest beyond the largest number.
fn too_small(sizes: &[u32], limits: Limits) -> Vec<u32> {
    let mut kept: Vec<(u32, u32)> = (0..).zip(sizes).filter(|(_, s)| **s > 0).map(|(c, s)| (*s, c)).collect();
    if kept.len() > limits.count {
        kept.select_nth_unstable_by(limits.count, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    }
    let beyond = kept.split_off(limits.count.min(kept.len()));
    let under = kept.into_iter().filter(|(size, _)| (*size as usize) < limits.least);
    let mut small: Vec<u32> = beyond.into_iter().chain(under).map(|(_, c)| c).collect();
    small.sort_unstable();
    small
}

/// Labels numbered from 1 in the order of first pixels, whether connected or not; 0 outside of the mask. Returns how many.
pub(crate) fn number(labels: &mut [u32], planes: &Planes, vectors: Vectors) -> usize {
    let runs = Runs::new(labels, planes.size, planes.stride, vectors);
    let clusters: Vec<u32> =
        runs.runs.iter().map(|r| if r.label == OUTSIDE { NONE } else { r.label }).collect();
    write(labels, planes.stride, &runs, &clusters)
}

/// Numbers what runs belong to, and writes the numbers over the labels.
fn write(labels: &mut [u32], stride: usize, runs: &Runs, belongs: &[u32]) -> usize {
    let most = belongs.iter().filter(|b| **b != NONE).max().map_or(0, |b| *b as usize + 1);
    let mut numbers = vec![0u32; most];
    let mut count = 0;
    for &b in belongs.iter().filter(|b| **b != NONE) {
        let number = &mut numbers[b as usize];
        if *number == 0 {
            count += 1;
            *number = count;
        }
    }
    labels.par_chunks_mut(stride).enumerate().with_min_len(16).for_each(|(row, labels)| {
        for run in runs.row(row) {
            let number = if belongs[run] == NONE { 0 } else { numbers[belongs[run] as usize] };
            let columns = runs.columns(row, run);
            // Whole blocks, beyond the end of the run: the next run writes over that.
            for x in columns.clone().step_by(LANES) {
                match labels[x..].first_chunk_mut::<LANES>() {
                    Some(block) => *block = [number; LANES],
                    None => labels[x..columns.end].fill(number),
                }
            }
        }
    });
    count as usize
}
