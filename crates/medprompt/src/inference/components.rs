//! Connected components of labels.

use ndarray::ArrayViewMut3;

/// What [`keep_components`] has not seen.
const UNSEEN: u32 = u32::MAX;

/// Sets to 0 all connected parts (voxels of one label that share a side) with fewer than `min_voxels` voxels, and, with
/// `largest_only`, all but the largest part of each label; of parts of one size the first one stays.
pub fn keep_components(mut labels: ArrayViewMut3<'_, u16>, min_voxels: usize, largest_only: bool) {
    let (slices, rows, columns) = labels.dim();
    let at = |i: usize| [i / (rows * columns), i / columns % rows, i % columns];
    let mut part = vec![UNSEEN; slices * rows * columns];
    // Label and number of voxels of each part.
    let mut parts: Vec<(u16, usize)> = Vec::new();
    let mut open = Vec::new();
    for start in 0..part.len() {
        let label = labels[at(start)];
        if label == 0 || part[start] != UNSEEN {
            continue;
        }
        let (number, mut count) = (parts.len() as u32, 0);
        part[start] = number;
        open.push(start);
        while let Some(i) = open.pop() {
            count += 1;
            let [z, y, x] = at(i);
            let beside = [
                (z > 0).then(|| i - rows * columns),
                (z + 1 < slices).then(|| i + rows * columns),
                (y > 0).then(|| i - columns),
                (y + 1 < rows).then(|| i + columns),
                (x > 0).then(|| i - 1),
                (x + 1 < columns).then(|| i + 1),
            ];
            for j in beside.into_iter().flatten() {
                if part[j] == UNSEEN && labels[at(j)] == label {
                    part[j] = number;
                    open.push(j);
                }
            }
        }
        parts.push((label, count));
    }
    let largest = |label: u16| parts.iter().filter(|(l, _)| *l == label).map(|(_, n)| *n).max().unwrap_or(0);
    let mut taken = std::collections::BTreeSet::new();
    let keep: Vec<bool> = parts
        .iter()
        .map(|&(label, count)| {
            let first = !largest_only || (count == largest(label) && taken.insert(label));
            first && count >= min_voxels
        })
        .collect();
    for (i, number) in part.into_iter().enumerate() {
        if number != UNSEEN && !keep[number as usize] {
            labels[at(i)] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn small_parts_go_and_the_largest_stays() {
        let labels = array![[[1u16, 1, 0, 2], [0, 0, 0, 2]], [[1, 0, 1, 0], [0, 0, 1, 0]]];
        let mut small = labels.clone();
        keep_components(small.view_mut(), 3, false);
        assert_eq!(small, array![[[1u16, 1, 0, 0], [0, 0, 0, 0]], [[1, 0, 0, 0], [0, 0, 0, 0]]]);
        let mut largest = labels.clone();
        keep_components(largest.view_mut(), 0, true);
        assert_eq!(largest, array![[[1u16, 1, 0, 2], [0, 0, 0, 2]], [[1, 0, 0, 0], [0, 0, 0, 0]]]);
        let mut same = labels.clone();
        keep_components(same.view_mut(), 0, false);
        assert_eq!(same, labels);
        let mut equal = array![[[1u16, 0, 1]]];
        keep_components(equal.view_mut(), 0, true);
        assert_eq!(equal, array![[[1u16, 0, 0]]]);
    }
}
