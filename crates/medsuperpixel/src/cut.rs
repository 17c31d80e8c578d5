//! Components that are too large become several.

use std::collections::VecDeque;

use crate::components::NONE;
use crate::runs::Runs;

/// Cuts components of more than `most` pixels into connected pieces of no more, each from its first run on, whole runs at a time (runs
/// that are too long are cut first). Pieces are about equal, so that no slivers are left over. A piece is named by its first run. Returns
/// how many pieces more than components there would be at best.
pub(crate) fn cut(runs: &mut Runs, components: &mut Vec<u32>, sizes: &mut Vec<u32>, most: usize) -> usize {
    let parts = |component: u32| (sizes[component as usize] as usize).div_ceil(most);
    let more: usize = (0..).zip(sizes.iter()).filter(|(_, s)| **s > 0).map(|(c, _)| parts(c) - 1).sum();
    // Most pixels of the pieces of each run's component; 0 for what is not cut.
    let share = |component: u32| match component {
        NONE => 0,
        component if parts(component) < 2 => 0,
        component => (sizes[component as usize] as usize).div_ceil(parts(component)),
    };
    let shares: Vec<usize> = components.iter().map(|c| share(*c)).collect();
    let firsts = runs.split(|run| if shares[run] > 0 { shares[run] } else { usize::MAX });
    rename(runs, components, sizes, &firsts);
    let mut room = vec![0; components.len()];
    firsts.iter().zip(&shares).for_each(|(first, share)| room[*first as usize] = *share);
    divide(runs, components, sizes, &room);
    more
}

/// Components and their sizes after each run was cut into those from the first of its pieces on.
fn rename(runs: &Runs, components: &mut Vec<u32>, sizes: &mut Vec<u32>, firsts: &[u32]) {
    let mut renamed = Vec::with_capacity(runs.runs.len());
    let mut moved = vec![0; runs.runs.len()];
    let ends = firsts.iter().skip(1).copied().chain([runs.runs.len() as u32]);
    for (run, end) in ends.enumerate() {
        let component = components[run];
        let name = if component == NONE { NONE } else { firsts[component as usize] };
        renamed.resize(end as usize, name);
        moved[firsts[run] as usize] = sizes[run];
    }
    (*components, *sizes) = (renamed, moved);
}

/// Divides the components with `room`, which is that of each of their pieces, at the component's name.
fn divide(runs: &Runs, components: &mut [u32], sizes: &mut [u32], room: &[usize]) {
    let rows: Vec<usize> = (0..runs.rows()).flat_map(|row| runs.row(row).map(move |_| row)).collect();
    let whole = components.to_vec();
    let mut done: Vec<bool> = whole.iter().map(|c| *c == NONE || room[*c as usize] == 0).collect();
    let mut queue = VecDeque::new();
    for first in 0..whole.len() {
        if done[first] {
            continue;
        }
        let room = room[whole[first] as usize];
        queue.push_back(first);
        done[first] = true;
        let mut size = 0;
        while let Some(run) = queue.pop_front() {
            let pixels = runs.columns(rows[run], run).len();
            if size + pixels > room {
                // Left to a later piece.
                done[run] = false;
                continue;
            }
            size += pixels;
            components[run] = first as u32;
            for next in around(runs, rows[run], run) {
                if !done[next] && whole[next] == whole[first] {
                    done[next] = true;
                    queue.push_back(next);
                }
            }
        }
        sizes[first] = size as u32;
    }
}

/// The runs that share a side with a run.
fn around(runs: &Runs, row: usize, run: usize) -> Vec<usize> {
    let [slices, per_slice, _] = runs.size;
    let columns = runs.columns(row, run);
    let above = (!row.is_multiple_of(per_slice)).then(|| row - 1);
    let below = (row % per_slice + 1 < per_slice).then_some(row + 1);
    let before = row.checked_sub(per_slice);
    let after = (row + per_slice < slices * per_slice).then_some(row + per_slice);
    let left = (run > runs.row(row).start).then(|| run - 1);
    let right = (run + 1 < runs.row(row).end).then_some(run + 1);
    let mut found: Vec<usize> = [left, right].into_iter().flatten().collect();
    for other in [above, below, before, after].into_iter().flatten() {
        let all = runs.row(other);
        let first =
            all.start + runs.runs[all.clone()].partition_point(|r| (r.start as usize) <= columns.start) - 1;
        found.extend((first..all.end).take_while(|r| (runs.runs[*r].start as usize) < columns.end));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assign::OUTSIDE;
    use crate::components::{components, sizes};
    use crate::simd::Vectors;

    /// The piece of each pixel, the pieces' sizes and how many more there would be at best.
    fn pieces(labels: &[u32], size: [usize; 3], most: usize) -> (Vec<u32>, Vec<u32>, usize) {
        let mut runs = Runs::new(labels, size, size[2], Vectors::widest());
        let mut components = components(&runs);
        let mut found = sizes(&runs, &components);
        let more = cut(&mut runs, &mut components, &mut found, most);
        assert_eq!(found, sizes(&runs, &components));
        let mut pixels = Vec::new();
        for row in 0..runs.rows() {
            for run in runs.row(row) {
                pixels.extend(runs.columns(row, run).map(|_| components[run]));
            }
        }
        (pixels, found.into_iter().filter(|s| *s > 0).collect(), more)
    }

    #[test]
    fn a_row_is_cut_along_itself() {
        // Equal pieces, not 5, 5 and 2.
        let (pixels, sizes, more) = pieces(&[7; 12], [1, 1, 12], 5);
        assert_eq!(pixels, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!((sizes, more), (vec![4, 4, 4], 2));
    }

    #[test]
    fn what_is_small_enough_stays() {
        let labels = [1, 1, OUTSIDE, 2, 2, 2, /* */ 1, 1, OUTSIDE, 2, 2, 2];
        let (pixels, sizes, more) = pieces(&labels, [1, 2, 6], 4);
        let (left, right) = (pixels[0], pixels[3]);
        assert_eq!(pixels, [left, left, NONE, right, right, right, left, left, NONE, 5, 5, 5]);
        assert_eq!((sizes, more), (vec![4, 3, 3], 1));
    }

    #[test]
    fn single_pixels_at_the_least() {
        let (pixels, sizes, more) = pieces(&[1; 2 * 2 * 3], [2, 2, 3], 1);
        assert_eq!(pixels, (0..12).collect::<Vec<u32>>());
        assert_eq!((sizes, more), (vec![1; 12], 11));
    }
}
